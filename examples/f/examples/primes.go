package inner

import (
	"fmt"
	"time"
)

// Answer is what main returns.
type Answer struct {
	Limit   int    `json:"limit"`
	Count   int    `json:"count"`
	Largest int    `json:"largest"`
	Took    string `json:"took"`
}

// main counts the primes below a limit with a sieve.
func main(limit int) (Answer, error) {
	if limit < 2 || limit > 50_000_000 {
		return Answer{}, fmt.Errorf("limit must be between 2 and 50,000,000, not %d", limit)
	}
	began := time.Now()
	composite := make([]bool, limit)
	a := Answer{Limit: limit}
	for n := 2; n < limit; n++ {
		if composite[n] {
			continue
		}
		a.Count++
		a.Largest = n
		for m := n * n; m < limit; m += n {
			composite[m] = true
		}
	}
	a.Took = time.Since(began).String()
	fmt.Println("sieved", limit, "numbers")
	return a, nil
}
