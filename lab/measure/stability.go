package measure

import (
	"math"
	"time"
)

// Point is one value of a curve over observation intervals.
type Point struct {
	Tau float64 `json:"tau"` // s
	NS  float64 `json:"ns"`
}

// MTIE is the maximum time interval error: the greatest peak-to-peak of x in any n+1 successive samples, that is over
// an observation interval of n sample intervals (ITU-T G.810 appendix II.5). It takes one pass, whatever n is; 0 if
// x has no interval of that length.
func MTIE[T Number](x []T, n int) T {
	if n < 1 || n >= len(x) {
		return 0
	}
	// Indexes of the samples that may yet be a window's greatest and smallest, best first.
	var high, low queue
	var greatest T
	for i, v := range x {
		for !high.empty() && x[high.back()] <= v {
			high.popBack()
		}
		for !low.empty() && x[low.back()] >= v {
			low.popBack()
		}
		high.push(i)
		low.push(i)
		high.dropBefore(i - n)
		low.dropBefore(i - n)
		if i >= n {
			greatest = max(greatest, x[high.front()]-x[low.front()])
		}
	}
	return greatest
}

// queue is a double-ended queue of increasing indexes.
type queue struct {
	items []int
	head  int
}

func (q *queue) empty() bool { return q.head == len(q.items) }
func (q *queue) front() int  { return q.items[q.head] }
func (q *queue) back() int   { return q.items[len(q.items)-1] }
func (q *queue) push(i int)  { q.items = append(q.items, i) }
func (q *queue) popBack()    { q.items = q.items[:len(q.items)-1] }
func (q *queue) dropBefore(i int) {
	for q.head < len(q.items) && q.items[q.head] < i {
		q.head++
	}
	if q.head > 1024 && q.head > len(q.items)/2 { // give the used part back
		q.items = q.items[:copy(q.items, q.items[q.head:])]
		q.head = 0
	}
}

// TDEV is the time deviation of x over n sample intervals, fully overlapping, in the unit of x (ITU-T G.810 appendix
// II.3). It takes one pass; NaN if x has fewer than 3n samples. An estimate needs a series of at least 12 times the
// observation interval (G.811).
func TDEV[T Number](x []T, n int) float64 {
	terms := len(x) - 3*n + 1
	if n < 1 || terms < 1 {
		return math.NaN()
	}
	var inner float64 // sum over i in [j, j+n) of x[i+2n] - 2 x[i+n] + x[i]
	for i := range n {
		inner += float64(x[i+2*n]) - 2*float64(x[i+n]) + float64(x[i])
	}
	sum := inner * inner
	for j := range terms - 1 {
		inner += float64(x[j+3*n]) - 3*float64(x[j+2*n]) + 3*float64(x[j+n]) - float64(x[j])
		sum += inner * inner
	}
	return math.Sqrt(sum / (6 * float64(n) * float64(n) * float64(terms)))
}

// MTIECurve is MTIE over the intervals of Intervals, up to the length of x.
func MTIECurve[T Number](x []T, tau0 time.Duration) []Point {
	var curve []Point
	for _, n := range Intervals(len(x) - 1) {
		curve = append(curve, Point{Tau: float64(n) * tau0.Seconds(), NS: float64(MTIE(x, n))})
	}
	return curve
}

// TDEVCurve is TDEV over the intervals of Intervals, up to a twelfth of the length of x.
func TDEVCurve[T Number](x []T, tau0 time.Duration) []Point {
	var curve []Point
	for _, n := range Intervals((len(x) - 1) / 12) {
		curve = append(curve, Point{Tau: float64(n) * tau0.Seconds(), NS: TDEV(x, n)})
	}
	return curve
}

// Intervals are the numbers of sample intervals, from 1 to most, at which a curve is computed: ten a decade, rounded,
// and most itself.
func Intervals(most int) []int {
	var list []int
	for k := 0; ; k++ {
		n := int(math.Round(math.Pow(10, float64(k)/10)))
		if n >= most {
			break
		}
		if len(list) == 0 || n > list[len(list)-1] {
			list = append(list, n)
		}
	}
	if most >= 1 {
		list = append(list, most)
	}
	return list
}
