package inner

func main() (<-chan string, error) { return nil, nil }
