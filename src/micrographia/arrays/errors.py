"""The two ways a request can fail, each with one sentence a biologist can act on."""


class InputError(ValueError):
    """An input cannot be used: what is wrong with which file or array, and what to do.

    The command line reports it, finishes the other inputs and exits with 1.
    """


class RequestError(ValueError):
    """The request itself makes no sense (an unknown model, a bad parameter).

    The command line reports it and exits with 2 before any work is done.
    """
