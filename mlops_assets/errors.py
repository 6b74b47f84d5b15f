"""The errors that a user can cause, and so can mend."""


class UserError(Exception):
    """Something is wrong that the reader of the message can put right.

    The message says what is wrong, where, how many, and what to do next. It is shown without a
    traceback. Never put a value of a sensitive column into it.
    """


class NotThereYetError(UserError):
    """The day's data has not arrived; asking again later may find it."""


class EmptyDayError(NotThereYetError):
    """The day's table is there and has no rows: the day was closed, or its rows are late."""


class NotStoredError(UserError):
    """What was asked for is not in the store; that it could not be read is another error."""


class AwayError(UserError):
    """Something outside, such as MLflow, does not answer; trying again later may succeed.

    Its message begins with what was away.
    """
