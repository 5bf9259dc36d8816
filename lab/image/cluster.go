package image

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"time"
)

const (
	clusterRecipe = "1"
	clusterFile   = "disk"      // the payload
	clusterNeed   = 3 * 1 << 30 // of which a part is holes
)

// Cluster is the disk of a lab with a cluster that was ready when it was copied: a lab that starts with a copy of it need not
// make the cluster anew. The inputs are all that the cluster was made from. No recipe makes it but a running lab: Build calls
// write with the path of the file to be written, and is for who has such a lab.
func Cluster(options Options, name string, from map[string]string, write func(ctx context.Context, path string) error) (Image, error) {
	options, err := options.withDefaults()
	if err != nil {
		return Image{}, err
	}
	if !safeName(name) {
		return Image{}, fmt.Errorf("cluster image: %q is not a file name", name)
	}
	in := inputs(maps.Clone(from))
	in["recipe"] = clusterRecipe
	return Image{
		kind: KindCluster, payload: clusterFile, options: options, need: clusterNeed,
		choices: []choice{{name: name, inputs: in}},
		missing: func(...Kind) []Tool { return nil },
		recipe: func(ctx context.Context, w *work) (Manifest, error) {
			return Manifest{Name: name}, write(ctx, filepath.Join(w.dir, clusterFile))
		},
	}, nil
}

// Built is when an image was built, by its path.
func Built(path string) (time.Time, error) {
	m, err := readManifest(filepath.Dir(path))
	return m.Built, err
}
