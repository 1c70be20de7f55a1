"""`python -m bench`: how fast the product runs here, beside what this machine could do at best."""
