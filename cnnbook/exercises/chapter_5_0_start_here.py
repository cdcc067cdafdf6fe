"""The exercise of 5.0, which shows what exercises look like."""

from cnnbook.exercises import Exercise

EXERCISES = {
    "pixels": Exercise(
        right=28 * 28,
        mistakes={"added": 28 + 28, "one_side": 28, "levels": 256, "bytes": 28 * 28 * 255},
    ),
}
