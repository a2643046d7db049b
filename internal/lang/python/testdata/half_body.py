def main(name: str, count: int = 2):
    """Says hello."""
    if count >
        print(name
