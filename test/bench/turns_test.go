//go:build bench

package bench_test

import (
	"slices"
	"time"
)

// inTurns runs all sides in turns, each so many times a turn, and returns how many
// nanoseconds each took for one. It is the lower quartile of the turns: what else
// the machine does makes turns longer and never shorter.
func inTurns(rounds, each int, sides ...func(i int)) []float64 {
	turns := make([][]float64, len(sides))
	for range rounds {
		for s, side := range sides {
			start := time.Now()
			for i := range each {
				side(i)
			}
			turns[s] = append(turns[s], float64(time.Since(start))/float64(each))
		}
	}
	took := make([]float64, len(sides))
	for s := range sides {
		took[s] = quartile(turns[s])
	}
	return took
}

func quartile(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/4]
}
