package inner

import (
	"encoding/json"
	"math/big"
	"time"
)

// Color is how it looks.
type Color string

const (
	Red   Color = "red"
	Green Color = "green"
	Blue        = Color("blue")
	other       = "not a color"
)

type Level int

const (
	Low Level = iota
	High
)

// Base is embedded.
type Base struct {
	ID   int64 `json:"id"`
	Name string
}

// Item is a thing to sell.
type Item struct {
	Base
	*Audit
	// Price is in cents.
	Price   float64  `json:"price"`
	Tags    []string `json:"tags,omitempty"` // free words
	Skipped string   `json:"-"`
	Dash    string   `json:"-,"`
	Text    int      `json:"text,string"`
	hidden  string
	Sub     struct {
		A, B int
	} `json:"sub"`
	Next   *Item           `json:"next"`
	Colors map[Color]Level `json:"colors"`
	Zero   time.Time       `json:"zero,omitzero"`
}

type Audit struct {
	By string `json:"by"`
}

type (
	// Alias of an item.
	Alias                     = Item
	Pair[K comparable, V any] struct {
		Key   K
		Value V
	}
	List  []Item
	Cycle []Cycle
)

func main(item Item, color Color, optional *Color, level Level, alias *Alias, pair Pair[string, []int], list List, cycle Cycle,
	at time.Time, took time.Duration, data []byte, fixed [3]int, raw json.RawMessage, n json.Number, big *big.Int, fn func(), unknown other.Thing,
	nested map[string]map[string][]*int, inline struct{ X int }) (*Item, error) {
	return nil, nil
}
