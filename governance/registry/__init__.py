"""Model versions, their releases and signatures, loading one, and the inventory of all."""
