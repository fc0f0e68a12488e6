package conformance_test

import (
	"context"
	"fmt"

	"github.com/holdall-go/holdall/blob"
	"github.com/holdall-go/holdall/conformance"
	"github.com/holdall-go/holdall/drivers/mem"
)

// A command, too, can put a store to the test. This one asks only whether conditional writes can be relied on.
func Example() {
	harness := conformance.Harness{
		Name: "mem",
		Open: func(t *conformance.T) blob.Bucket { return mem.New(nil) },
	}
	conditions := conformance.Only(func(c *conformance.Case) bool { return c.ID == "K01" || c.ID == "K02" || c.ID == "K07" })
	report, err := conformance.RunAll(context.Background(), harness, nil, conditions, conformance.Seed(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, res := range report.Results {
		fmt.Println(res.ID, res.Outcome)
	}
	fmt.Println(report.Summary())

	// Output:
	// K01 pass
	// K02 pass
	// K07 pass
	// mem, default tier, seed 1: 3 cases: 3 pass
}
