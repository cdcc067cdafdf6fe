"""The base of every live figure."""

import base64
import json
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from cnnbook import language
from cnnbook.arrays import numbers_of
from cnnbook.figures.page import FIGURE_TYPE, FOLDER, fragment, module, page, styles
from cnnbook.files import write_atomically


class StateError(ValueError, traitlets.TraitError):
    """A figure was given a state it cannot show.

    A ``ValueError`` for whoever wrote the value, and a ``TraitError`` so that traitlets puts the
    old value back.
    """


def blank(width, height, **pads):
    """An empty drawing for a still picture, `width` × `height` inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(**pads))


class Figure(anywidget.AnyWidget):
    """A live figure: state in traits, drawing in one JavaScript file.

    Writing one takes a folder, ``cnnbook/figures/NAME``, and three steps.

    1. ``words.json``: every word the figure shows, Korean and English.
    2. ``figure.py``: the state. Every trait with ``.tag(sync=True)`` is part of it::

           class TrainingCurve(Figure):
               losses = traitlets.List(traitlets.Float()).tag(sync=True)

               def still(self):              # the picture that GitHub and paper show
                   plot = blank(6, 3)
                   ...                       # drawn from the same state
                   return plot

               def alternative_text(self) -> str:   # one or two sentences, the same on every run
                   return self.text("alternative", epochs=len(self.losses))

       What cannot be drawn is refused with `StateError`, by a trait of ``traits.py`` or a method
       with ``@traitlets.validate``. Traits that are set once, at the start, stand in `fixed`.
    3. ``figure.js``: the drawing, a module without imports. It ends with its only export::

           function render({ model, el }) {
             const { root, word, get, put } = kit.figure(el, model, "training_curve");
             const curve = element("canvas");
             root.append(curve);
             const clock = kit.clock(root, model, [
               [drawCurve, "theme", "losses"],  // drawn when one of these has changed
             ]);
             return clock.stop;                 // clean up: listeners, timers
           }
           export default { render };

       The model has ``get``, ``set``, ``on``, ``off`` and ``save_changes``, in a notebook and in a
       static page. Style goes to ``figure.css``, with a ``min-height``, so that no page jumps.

    Show it as the last expression of a cell or with ``display(figure, display_id=True)``.
    """

    name = ""  # of its folder
    _drawn = "", b""  # a state and its picture
    words = traitlets.Dict().tag(sync=True)
    language = traitlets.Unicode().tag(sync=True)
    fixed: tuple[str, ...] = ()
    _made = False

    def __init_subclass__(cls, **kwargs):
        folder = cls.__module__.rpartition(".figure")[0].rpartition(".")[2]
        if cls.name != folder and (FOLDER / folder / "figure.js").exists():
            cls.name, cls._esm, cls._css = folder, module(folder), styles([folder])
        super().__init_subclass__(**kwargs)

    def __init__(self, **state):
        unknown = set(state) - (set(self.trait_names()) - {"words", "language"})
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        words = language.words("figure") | language.words(self.name)
        try:
            super().__init__(words=words, language=language.language(), **state)
        except traitlets.TraitError as error:
            raise _as_value_error(error) from None
        self._made = True

    def __setattr__(self, name, value):
        try:
            super().__setattr__(name, self._accepted(name, value))
        except traitlets.TraitError as error:
            raise _as_value_error(error) from None

    def set_trait(self, name, value):  # how the page's values arrive
        try:
            super().set_trait(name, self._accepted(name, value))
        except traitlets.TraitError as error:
            raise _as_value_error(error) from None

    def _accepted(self, name, value):
        """`value` for trait `name`, NumPy's numbers and arrays as those of Python."""
        if self._made and name in ("words", "language", *self.fixed):
            raise StateError(f"{name} stays as it was made; make another {type(self).__name__}")
        return _plain(getattr(type(self), name, None), name, value)

    def text(self, key: str, **values: object) -> str:
        """The figure's own words for `key`, in the language it was made in."""
        return self.words[key].format(**values)

    def state(self) -> dict:
        """All that the drawing depends on, as a dict that JSON can hold, sorted by name."""
        inherited = anywidget.AnyWidget.class_trait_names()
        names = [
            name
            for name in sorted(self.traits(sync=True))
            if name not in inherited and not name.startswith("_")
        ]
        return {name: self.get_state(name)[name] for name in names}

    def still(self):
        """The state as a ``matplotlib.figure.Figure``; every figure draws its own."""
        raise NotImplementedError(f"{type(self).__name__} has no still()")

    def alternative_text(self) -> str:
        """The figure in one or two sentences, for those who cannot see it."""
        raise NotImplementedError(f"{type(self).__name__} has no alternative_text()")

    def png(self) -> bytes:
        """The still picture as PNG bytes, small enough for a notebook file; drawn once a state."""
        import matplotlib

        from cnnbook import plots

        state = json.dumps(self.state(), sort_keys=True)
        if self._drawn[0] != state:
            with matplotlib.rc_context():  # the book's font, whatever the notebook uses
                plots.use_book_style()
                matplotlib.rcParams["text.parse_math"] = False  # a layer may be called "$$"
                self._drawn = state, plots.png(self.still())
        return self._drawn[1]

    def figure_json(self) -> dict:
        """What a static page needs: ``{"fig": NAME, "state": {...}}``."""
        return {"fig": self.name, "state": self.state()}

    def __repr__(self):
        return self.alternative_text()

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        data[FIGURE_TYPE] = self.figure_json()
        data["image/png"] = base64.b64encode(self.png()).decode("ascii")
        data["text/plain"] = self.alternative_text()
        return data, metadata

    def to_html(self) -> str:
        """A whole page with this figure, alive without a kernel and without a network."""
        body = fragment(self.figure_json(), self.png(), self.alternative_text())
        return page(body, [self.name], self.text("title"), self.language)

    def save_html(self, path: str | Path) -> None:
        """Write :meth:`to_html` to `path`; opens by double click, from ``file://``."""
        write_atomically(path, self.to_html())


def _plain(trait, name, value):
    """NumPy's numbers, arrays and tensors as what `trait` takes: Python's numbers and lists."""
    arrays = isinstance(value, (np.generic, np.ndarray)) or hasattr(value, "detach")
    if arrays and isinstance(
        trait, (traitlets.Int, traitlets.Float, traitlets.Bool, traitlets.List)
    ):
        try:
            value = numbers_of(value, name).tolist()
        except ValueError as error:
            raise StateError(str(error)) from None
    if value is None and isinstance(trait, traitlets.Any) and "from_json" in trait.metadata:
        raise StateError(f"{name} is None; it must be a table of numbers")
    if isinstance(trait, (traitlets.Int, traitlets.Float)) and isinstance(value, bool):
        raise StateError(f"{name} is {value}; it must be a number")
    if isinstance(trait, traitlets.List) and isinstance(value, (list, tuple, range)):
        return [_plain(trait._trait, name, one) for one in value]
    return value


def _as_value_error(error):
    return error if isinstance(error, ValueError) else StateError(str(error))
