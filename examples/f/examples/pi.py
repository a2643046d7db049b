import random


def main(points: int = 200_000, seed: int = 7):
    """Throws darts at a circle and draws what hit.

    Args:
        points: how many darts
        seed: the same seed gives the same darts
    """
    rng = random.Random(seed)
    hits, dots = 0, []
    for i in range(points):
        x, y = rng.random(), rng.random()
        inside = x * x + y * y <= 1
        hits += inside
        if i < 800:
            color = "#0f8a8a" if inside else "#c2410c"
            dots.append(f'<circle cx="{x * 200:.1f}" cy="{200 - y * 200:.1f}" r="1.6" fill="{color}"/>')
        if (i + 1) % 50_000 == 0:
            print(f"\x1b[36m{i + 1:>8}\x1b[0m darts, pi ≈ {4 * hits / (i + 1):.5f}")
    return {"svg": f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="400">{"".join(dots)}</svg>'}
