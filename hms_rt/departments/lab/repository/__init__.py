"""SQL of the laboratory. Whoever changes a test has locked its order, then the test, each by id."""
