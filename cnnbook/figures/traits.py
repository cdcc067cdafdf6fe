"""What figures share in the checks of their state: `StateError` names what cannot be shown."""

import traitlets

from cnnbook.figures.figure import StateError
from cnnbook.figures.tables import size_text


class _Number(traitlets.Int):
    def __init__(self, default, low, high, **options):
        super().__init__(default, **options)
        self.low, self.high = low, high

    def validate(self, obj, value):
        value = super().validate(obj, value)
        if not self.low <= value <= self.high:
            raise StateError(
                f"{self.name} is {value}; it must lie between {self.low} and {self.high}"
            )
        return value


class _Choice(traitlets.Unicode):
    def __init__(self, choices, default):
        super().__init__(default)
        self.choices = choices

    def validate(self, obj, value):
        if not isinstance(value, str) or value not in self.choices:
            raise StateError(
                f"{self.name} is {value!r}; it must be one of {', '.join(self.choices)}"
            )
        return value


def number(default, low, high, **options):
    """A trait that holds a whole number from `low` to `high`."""
    return _Number(default, low, high, **options).tag(sync=True)


def choice(choices, default):
    """A trait that holds one of the words `choices`."""
    return _Choice(choices, default).tag(sync=True)


def inside(name, value, shape, owner="the output"):
    """`value`, which must be the place of one of the values of an array of `shape`."""
    limits = [max(1, size) for size in shape]
    if len(value) != len(shape) or not all(0 <= v < n for v, n in zip(value, limits, strict=True)):
        raise StateError(f"{name} is {value}; {owner} has {size_text(shape)} values")
    return value


def nearest(position, shape):
    """The place in an array of `shape` that is nearest to `position`."""
    return [min(p, max(0, size - 1)) for p, size in zip(position, shape, strict=True)]


def same_shape(figure, proposal):
    """The array proposed for a trait of `figure`, which must keep the shape it was made with."""
    value, name = proposal["value"], proposal["trait"].name
    before = getattr(figure, name).shape if figure._made else value.shape
    if value.shape != before:
        raise StateError(f"{name} has shape {value.shape}; this figure was made for {before}")
    return value
