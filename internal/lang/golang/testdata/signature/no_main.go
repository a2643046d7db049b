package inner

func Main(a string) {}

type t struct{}

func (t) main(a string) {}
