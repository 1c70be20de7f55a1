"""The builder's pages and fragments, one file per noun."""
