"""What is told of svahub in books and in --help is so."""
