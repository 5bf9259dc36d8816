package record

import (
	"testing"
	"time"
)

func TestSeriesKeepsExtremes(t *testing.T) {
	var s Series
	for n := range 100_000 {
		ns := float64(n % 7)
		switch n {
		case 1_234:
			ns = 900
		case 77_777:
			ns = -900
		}
		s.Add(time.Unix(int64(n), 0), ns)
	}
	low, high := 0.0, 0.0
	for n, p := range s.Points {
		low, high = min(low, p.NS), max(high, p.NS)
		if n > 0 && !p.At.After(s.Points[n-1].At) {
			t.Fatalf("point %d is not after the one before", n)
		}
	}
	if len(s.Points) > seriesPoints || low != -900 || high != 900 {
		t.Errorf("%d points from %g to %g", len(s.Points), low, high)
	}
	if last := s.Points[len(s.Points)-1].At; last.Unix() != 99_999 {
		t.Errorf("the last point is of %d", last.Unix())
	}
}

func TestTrackIsBounded(t *testing.T) {
	var track Track
	for n := range 5000 {
		track.see(time.Unix(int64(n), 0), []string{"up", "up", "down"}[n%3])
	}
	if len(track.Steps) != trackSteps || track.Lost != 3334-trackSteps {
		t.Errorf("%d steps, %d lost", len(track.Steps), track.Lost)
	}
}
