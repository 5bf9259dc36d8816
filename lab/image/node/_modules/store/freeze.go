package main

import (
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
)

// freeze makes a database the same for the same content: each time in it becomes the epoch, and its pages are written
// again in order.
func freeze(path string) error {
	if err := update(path, func(tx *bolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error { return resetTimes(b) })
	}); err != nil {
		return err
	}
	from, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer from.Close()
	fresh := path + ".new"
	to, err := bolt.Open(fresh, 0o600, nil)
	if err != nil {
		return err
	}
	if err := bolt.Compact(to, from, 1); err != nil {
		to.Close()
		return err
	}
	if err := to.Close(); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

func update(path string, change func(*bolt.Tx) error) error {
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		return err
	}
	if err := db.Update(change); err != nil {
		db.Close()
		return err
	}
	return db.Close()
}

// resetTimes changes the time stamps of a bucket and all below it.
func resetTimes(b *bolt.Bucket) error {
	epoch, err := time.Unix(0, 0).UTC().MarshalBinary()
	if err != nil {
		return err
	}
	var stamps [][]byte
	err = b.ForEach(func(key, value []byte) error {
		if value == nil {
			return resetTimes(b.Bucket(key))
		}
		if name := string(key); name == "createdat" || name == "updatedat" {
			stamps = append(stamps, append([]byte{}, key...))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range stamps {
		if err := b.Put(key, epoch); err != nil {
			return err
		}
	}
	return nil
}
