"""What each team owns; `make team` adds a folder here."""
