"""What becomes of an outcome: numbers, files, pictures and pages."""
