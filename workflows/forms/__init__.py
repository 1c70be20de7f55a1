"""Forms of pages about whole workflows and variables; the forms of steps are the builder's."""
