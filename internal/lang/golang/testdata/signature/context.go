package inner

import "context"

func main(ctx context.Context, name string) {}
