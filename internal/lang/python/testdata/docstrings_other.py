def helper():
    """No."""


def main(a: int, b: str, c: float = 1.0):
    """
    Adds.

    :param int a: the first
    :param b: the second
        goes on
    :type b: str
    :returns: the sum

    Parameters
    ----------
    c : float, optional
        The third
        of them.

    Returns
    -------
    float
    """
    for i in range(a):
        yield i
