"""A call as an object: whatever stands before a function takes what that function takes."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Mapping, Sequence


class Call:
    """One call of ``function``: look at its arguments by name, then make it, with some of them changed.

    Parameters
    ----------
    function : what is to be called
    signature : that of ``function``
    args, kwargs : as they were given, by position or by keyword

    Raises
    ------
    TypeError
        If ``function`` does not take them; the error is its own.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        signature: inspect.Signature,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> None:
        self._function = function
        try:
            self._given = signature.bind(*args, **kwargs)
        except TypeError:
            function(*args, **kwargs)  # which says it in its own words
            raise

    @property
    def given(self) -> Mapping[str, Any]:
        """The arguments that were given, by name."""
        return self._given.arguments

    @property
    def instance(self) -> Any:
        """What the method is called of."""
        return self._given.args[0]

    def __getitem__(self, name: str) -> Any:
        """Look up an argument, or what it is by default."""
        return self.given[name] if name in self.given else self._given.signature.parameters[name].default

    def __call__(self, /, **changed: Any) -> Any:
        """Make the call as it was meant, but for the arguments named here."""
        arguments = inspect.BoundArguments(self._given.signature, {**self.given, **changed})  # type: ignore[arg-type]
        return self._function(*arguments.args, **arguments.kwargs)
