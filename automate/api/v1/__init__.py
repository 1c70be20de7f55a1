"""Version 1: one router per noun."""
