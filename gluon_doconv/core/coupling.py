"""A weight and its D are two Parameters for optimizers and files, and one for everything else.

Whatever a script does to a weight is done to its D: it is frozen and thawed, given multipliers, cleared of its
gradient, cast, moved and initialized with it. Coupling changes the class of the weight, which stays the object
it is; uncoupling gives the former class back.
"""

from __future__ import annotations

from typing import Any, Iterable

from mxnet.gluon.parameter import Parameter

from .kernel import Geometry

Contexts = Any  # an mx.Context, or a list of them


class DepthwiseKernel(Parameter):
    """D′ = D − I, which belongs to a :class:`CoupledWeight`.

    Parameters
    ----------
    geometry : what composition knows of the convolution
    wd_factor : what the weight-decay multiplier is multiplied with, whoever sets that
    name, init, kwargs : as for ``Parameter``; ``init`` is D's own rule, which no other initializer replaces
    """

    def __init__(self, name: str, geometry: Geometry, wd_factor: float = 1.0, **kwargs: Any) -> None:
        self.geometry = geometry
        self._wd_factor = wd_factor
        super().__init__(name, **kwargs)

    @property
    def wd_mult(self) -> float:
        """The weight-decay multiplier that was set, times D's own factor."""
        return self._wd_mult * self._wd_factor

    @wd_mult.setter
    def wd_mult(self, value: float) -> None:
        self._wd_mult = value

    def initialize(
        self,
        init: Any = None,
        ctx: Contexts = None,
        default_init: Any = None,
        force_reinit: bool = False,
    ) -> None:
        """Start from D's own rule, whatever initializer is given; silent where D has its values already."""
        if self._data is None or force_reinit:
            super().initialize(None, ctx, self.init, force_reinit)


class CoupledWeight(Parameter):
    """The weight of an over-parameterized convolution: it passes on to its D what is done to it.

    Attributes
    ----------
    d : DepthwiseKernel
    """

    d: DepthwiseKernel

    @property
    def grad_req(self) -> str:
        """How gradients are written; setting it sets that of D."""
        request: str = self._grad_req
        return request

    @grad_req.setter
    def grad_req(self, request: str) -> None:
        Parameter.grad_req.fset(self, request)
        self.d.grad_req = request

    @property
    def adds_gradients(self) -> bool:
        """Whether the gradient of either is added to what is there, rather than written."""
        return "add" in (self.grad_req, self.d.grad_req)

    @property
    def lr_mult(self) -> float:
        """The learning-rate multiplier; setting it sets that of D."""
        value: float = self.__dict__["lr_mult"]
        return value

    @lr_mult.setter
    def lr_mult(self, value: float) -> None:
        self.__dict__["lr_mult"] = self.d.lr_mult = value

    @property
    def wd_mult(self) -> float:
        """The weight-decay multiplier; setting it sets that of D, which has a factor of its own."""
        value: float = self.__dict__["wd_mult"]
        return value

    @wd_mult.setter
    def wd_mult(self, value: float) -> None:
        self.__dict__["wd_mult"] = self.d.wd_mult = value

    def zero_grad(self) -> None:
        """Clear the gradients of both."""
        super().zero_grad()
        self.d.zero_grad()

    def cast(self, dtype: Any) -> None:
        """Cast both."""
        super().cast(dtype)
        self.d.cast(dtype)

    def reset_ctx(self, ctx: Contexts) -> None:
        """Move both."""
        super().reset_ctx(ctx)
        self.d.reset_ctx(ctx)

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Initialize the weight as a plain one, and D by its own rule."""
        super().initialize(*args, **kwargs)
        self.d.initialize(ctx=self.list_ctx(), force_reinit=kwargs.get("force_reinit", False))


def couple(weight: Parameter, d: DepthwiseKernel) -> None:
    """Make ``weight`` pass on to ``d`` what is done to it; ``weight`` stays the object it is."""
    weight.__class__ = CoupledWeight
    weight.d = d


def uncouple(weight: Parameter) -> None:
    """Undo :func:`couple`."""
    del weight.d
    weight.__class__ = Parameter


def has_d(parameters: Iterable[Parameter]) -> bool:
    """Whether any of ``parameters`` is the weight of an over-parameterized convolution."""
    return any(isinstance(parameter, CoupledWeight) for parameter in parameters)


def d_of(weight: Parameter) -> DepthwiseKernel | None:
    """The D of a weight; None for a plain one."""
    return getattr(weight, "d", None)
