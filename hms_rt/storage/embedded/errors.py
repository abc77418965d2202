"""The one error of the embedded stack. Its message says what a person can do about it."""


class EmbeddedError(RuntimeError):
    """A server could not be found, started or stopped."""
