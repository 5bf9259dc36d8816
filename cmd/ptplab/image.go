package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptplab/ptplab/cmd/ptplab/talk"
	"github.com/ptplab/ptplab/lab/image"
)

func imageCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "List, build or remove lab kernels and root file systems",
		Long: `List, build or remove the lab's kernel and root file system. up builds what is
missing; they are kept in $PTPLAB_CACHE, or in ptplab of your cache directory.`,
		Example: `  ptplab image list
  ptplab image build
  ptplab image prune`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(imageListCommand(a), imageBuildCommand(a), imagePruneCommand(a), imageSuiteCommand(a))
	return cmd
}

func imageListCommand(a *app) *cobra.Command {
	var output formatValue
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what is in the cache",
		Long:    "List the images in the cache and what their builds keep to be faster next time.",
		Example: "  ptplab image list -o json",
		Args:    between(0, 0),
		RunE: func(*cobra.Command, []string) error {
			dir, err := image.CacheDir()
			if err != nil {
				return err
			}
			entries, err := image.List(dir)
			if err != nil {
				return err
			}
			if output.format == "json" {
				return writeJSON(a.stdout, append([]image.Entry{}, entries...))
			}
			a.talk.Printf("%s", dir)
			return imageTable(entries).write(a.stdout)
		},
	}
	outputFlag(cmd, &output, "table", "json")
	return cmd
}

func imageTable(entries []image.Entry) *table {
	t := newTable("KIND", "NAME", "STATE", ">SIZE", "BUILT", ">TOOK")
	for _, e := range entries {
		state := string(e.State)
		if e.InUse {
			state += ", in use"
		}
		built, took := "", ""
		if !e.Manifest.Built.IsZero() {
			built = e.Manifest.Built.Local().Format("2006-01-02 15:04")
			took = fmt.Sprintf("%.0f s", e.Manifest.BuildSeconds)
		}
		t.add(string(e.Kind), e.Name, state, sizeText(e.Size), built, took)
	}
	return t
}

// sizeText is a number of bytes for people.
func sizeText(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
}

func imageBuildCommand(a *app) *cobra.Command {
	var options image.Options
	var timeout time.Duration
	var offline bool
	cmd := &cobra.Command{
		Use:   "build [kernel|rootfs|rootfs-docker|node...]",
		Short: "Build what the cache lacks",
		Long: `Build the lab's kernel and root file system, unless the cache has them, and print
where they are. rootfs-docker is the root file system of labs whose nodes are
kind's: the other one, and Docker. node is the image of those nodes for where no
registry can be reached: made of Debian packages and Go modules, an archive for
docker load.` + exitNote,
		Example: `  ptplab image build
  ptplab image build kernel --series 6.12
  ptplab image build node --preload agent.tar`,
		ValidArgs: buildable(),
		Args:      oneOf,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Log = a.log
			if offline {
				args = append(args, buildable()...)
				slices.Sort(args)
				args = slices.Compact(args)
			}
			images, err := imagesOf(args, options)
			if err != nil {
				return err
			}
			ctx, cancel := withTimeout(cmd.Context(), timeout)
			defer cancel()
			paths, err := image.Ensure(ctx, a.tellImage, images...)
			if err != nil {
				return ended(ctx, err)
			}
			a.talk.End("")
			for _, path := range paths {
				if _, err := fmt.Fprintln(a.stdout, path); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&options.Jobs, "jobs", 0, "so `many` compilers at once; 0 means one for each CPU")
	cmd.Flags().StringVar(&options.Series, "series", "", "`version` of the kernel, such as 6.12, not the newest")
	cmd.Flags().StringVar(&options.Mirror, "mirror", "", "`URL` of the Debian mirror to fetch from")
	cmd.Flags().BoolVar(&offline, "offline", false, "everything that a lab on kind needs without a registry")
	cmd.Flags().StringArrayVar(&options.Preload, "preload", nil, "`archive` of docker save with images that the nodes shall have")
	timeoutFlag(cmd, &timeout, upLimit)
	return cmd
}

// rootfsDocker is what the command line calls the root file system with Docker.
const rootfsDocker = string(image.KindRootFS) + "-docker"

// buildable are the images that the command line can name.
func buildable() []string {
	return []string{string(image.KindKernel), string(image.KindRootFS), rootfsDocker, string(image.KindNode)}
}

// imagesOf are the images of the given names, or those that every lab needs.
func imagesOf(names []string, options image.Options) ([]image.Image, error) {
	if len(names) == 0 {
		names = []string{string(image.KindKernel), string(image.KindRootFS)}
	}
	var images []image.Image
	for _, name := range names {
		recipe, options := image.Kernel, options
		switch name {
		case string(image.KindRootFS):
			recipe = image.RootFS
		case rootfsDocker:
			recipe, options.Docker = image.RootFS, true
		case string(image.KindNode):
			recipe = image.Node
		case string(image.KindPrograms):
			recipe = image.Programs
		}
		i, err := recipe(options)
		if err != nil {
			return nil, err
		}
		images = append(images, i)
	}
	return images, nil
}

func imagePruneCommand(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove images that nobody needs any more",
		Long: `Remove images of other versions of ptplab and what killed builds left. What a
running lab or a build uses stays.`,
		Example: `  ptplab image prune
  ptplab image prune --all`,
		Args: between(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.prune(cmd.Context(), all) },
	}
	cmd.Flags().BoolVar(&all, "all", false, "also remove the images that the next up would use")
	return cmd
}

func (a *app) prune(ctx context.Context, all bool) error {
	dir, err := image.CacheDir()
	if err != nil {
		return err
	}
	keep := func(image.Entry) bool { return false }
	if !all {
		images, err := imagesOf(append(buildable(), string(image.KindPrograms)), image.Options{Log: a.log})
		if err != nil {
			return err
		}
		keep = image.Wanted(ctx, images...)
	}
	a.talk.Begin("prune "+dir, talk.Wait)
	freed, err := image.Prune(ctx, dir, keep)
	a.talk.End("")
	_, werr := fmt.Fprintf(a.stdout, "freed %s\n", sizeText(freed))
	return errors.Join(err, werr)
}
