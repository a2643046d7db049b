package inner

func main(string, int) {}
