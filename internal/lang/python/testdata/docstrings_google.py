async def main(
    name: str,
    count: int = 1,  # from the comment
    other: str = "",  # overridden
):
    """Greets somebody.

    With more text.

    Args:
        name (str): who is greeted,
            on two lines
        other: from the docstring

    Returns:
        A greeting.
    """
    return name


def preprocessor(event: dict):
    return event
