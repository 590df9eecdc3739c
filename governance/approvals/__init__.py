"""What people sign for a promotion: requests, approvals, overrides, break-glass."""
