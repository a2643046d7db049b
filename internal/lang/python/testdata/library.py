def helper(x: int):
    return x
