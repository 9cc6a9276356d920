"""What is measured, one module a question. Each says what it counts, from where to where, and what would make it
lie."""
