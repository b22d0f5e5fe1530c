"""What people bring who begin: the package that `plugins new` writes, and others that `plugins check` judges."""
