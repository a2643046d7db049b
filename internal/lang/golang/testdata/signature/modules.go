package inner

import (
	"fmt"

	"github.com/google/uuid"
)

//require github.com/google/uuid v1.6.0

func main(id uuid.UUID) { fmt.Println(id) }
