"""What a broken pipeline leaves in a table, told from what a changed world leaves."""
