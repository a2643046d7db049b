package inner

import "iter"

func main(n int) iter.Seq2[string, error] { return nil }
