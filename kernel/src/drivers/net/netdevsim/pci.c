// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI function for each port of a netdevsim device.
 *
 * Programs that manage NICs go from an interface to its PCI function and from
 * there to the PTP clock, by way of sysfs. The functions here have a config
 * space and nothing else: no memory, no interrupts. They sit on root buses that
 * exist as long as there is a function on them.
 *
 * User Mode Linux only: elsewhere the architecture puts data of its own behind
 * pci_bus::sysdata.
 */

#include <linux/ctype.h>
#include <linux/kobject.h>
#include <linux/list.h>
#include <linux/pci.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/unaligned.h>

#include "netdevsim.h"

#define NSIM_PCI_DEVICE_ID	0x1588
#define NSIM_PCI_FUNCTIONS	8
#define NSIM_PCI_DEVFNS		256

/* Offsets of the capabilities, and where the last one ends */
#define NSIM_PCI_EXP		0x40
#define NSIM_PCI_DSN		PCI_CFG_SPACE_SIZE
#define NSIM_PCI_CONFIG		(NSIM_PCI_DSN + 12)

/**
 * struct nsim_pci_function - a function
 * @config: its config space, as far as it is not zero
 * @pdev: the PCI device, with a reference
 * @ptp_dir: directory "ptp" of a function other than the first
 */
struct nsim_pci_function {
	u8 config[NSIM_PCI_CONFIG];
	struct pci_dev *pdev;
	struct kobject *ptp_dir;
};

/**
 * struct nsim_pci_bus - a root bus, shared by the devices on it
 * @list: in nsim_pci_buses
 * @bus: the bus
 * @busn: its resource
 * @users: devices on it
 * @function: what is in each place, or NULL
 */
struct nsim_pci_bus {
	struct list_head list;
	struct pci_bus *bus;
	struct resource busn;
	unsigned int users;
	struct nsim_pci_function *function[NSIM_PCI_DEVFNS];
};

/**
 * struct nsim_pci - the functions of a netdevsim device
 * @bus: the bus they are on
 * @devfn: place of the first
 * @count: how many
 * @clock: number of the PTP clock that their "ptp" directories show
 * @function: the functions
 */
struct nsim_pci {
	struct nsim_pci_bus *bus;
	unsigned int devfn;
	unsigned int count;
	int clock;
	struct nsim_pci_function function[NSIM_PCI_FUNCTIONS];
};

/* Protected by pci_lock_rescan_remove(), like all that is made and removed here. */
static LIST_HEAD(nsim_pci_buses);

/* Config space */

static int nsim_pci_read(struct pci_bus *bus, unsigned int devfn, int where,
			 int size, u32 *value)
{
	struct nsim_pci_bus *nsim_bus = bus->sysdata;
	struct nsim_pci_function *function = nsim_bus->function[devfn];
	u8 bytes[4] = {};

	if (!function)
		return PCIBIOS_DEVICE_NOT_FOUND;
	if (where < NSIM_PCI_CONFIG)
		memcpy(bytes, function->config + where,
		       min(size, NSIM_PCI_CONFIG - where));
	*value = get_unaligned_le32(bytes);
	return PCIBIOS_SUCCESSFUL;
}

static int nsim_pci_write(struct pci_bus *bus, unsigned int devfn, int where,
			  int size, u32 value)
{
	struct nsim_pci_bus *nsim_bus = bus->sysdata;
	struct nsim_pci_function *function = nsim_bus->function[devfn];

	if (!function)
		return PCIBIOS_DEVICE_NOT_FOUND;
	/* Nothing has an effect. Only the command register keeps its value. */
	if (where == PCI_COMMAND)
		put_unaligned_le16(value, function->config + where);
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops nsim_pci_ops = {
	.read	= nsim_pci_read,
	.write	= nsim_pci_write,
};

static void nsim_pci_config_init(struct nsim_pci_function *function,
				 bool several, u64 serial)
{
	u8 *config = function->config;

	put_unaligned_le16(PCI_VENDOR_ID_REDHAT, config + PCI_VENDOR_ID);
	put_unaligned_le16(NSIM_PCI_DEVICE_ID, config + PCI_DEVICE_ID);
	put_unaligned_le16(PCI_STATUS_CAP_LIST, config + PCI_STATUS);
	put_unaligned_le16(PCI_CLASS_NETWORK_ETHERNET, config + PCI_CLASS_DEVICE);
	config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_NORMAL |
				  (several ? PCI_HEADER_TYPE_MFD : 0);
	put_unaligned_le16(PCI_VENDOR_ID_REDHAT, config + PCI_SUBSYSTEM_VENDOR_ID);
	put_unaligned_le16(NSIM_PCI_DEVICE_ID, config + PCI_SUBSYSTEM_ID);
	config[PCI_CAPABILITY_LIST] = NSIM_PCI_EXP;

	/* On a root bus, integrated: without a link to a port above. */
	config[NSIM_PCI_EXP] = PCI_CAP_ID_EXP;
	put_unaligned_le16(2 | PCI_EXP_TYPE_RC_END << 4,
			   config + NSIM_PCI_EXP + PCI_EXP_FLAGS);

	put_unaligned_le32(PCI_EXT_CAP_ID_DSN | 1 << 16, config + NSIM_PCI_DSN);
	put_unaligned_le64(serial, config + NSIM_PCI_DSN + 4);
}

/* Driver: that of the netdevsim bus does the work, this one only claims. */

static int nsim_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return 0;
}

static const struct pci_device_id nsim_pci_ids[] = {
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT, NSIM_PCI_DEVICE_ID) },
	{}
};

static struct pci_driver nsim_pci_driver = {
	.name		= DRV_NAME,
	.id_table	= nsim_pci_ids,
	.probe		= nsim_pci_probe,
};

int nsim_pci_init(void)
{
	return pci_register_driver(&nsim_pci_driver);
}

void nsim_pci_exit(void)
{
	pci_unregister_driver(&nsim_pci_driver);
}

/* Buses */

static struct nsim_pci_bus *nsim_pci_bus_create(u8 number)
{
	struct nsim_pci_bus *nsim_bus;
	LIST_HEAD(resources);

	nsim_bus = kzalloc(sizeof(*nsim_bus), GFP_KERNEL);
	if (!nsim_bus)
		return ERR_PTR(-ENOMEM);

	nsim_bus->busn.name = "PCI busn";
	nsim_bus->busn.start = number;
	nsim_bus->busn.end = number;
	nsim_bus->busn.flags = IORESOURCE_BUS;
	pci_add_resource(&resources, &nsim_bus->busn);
	nsim_bus->bus = pci_create_root_bus(NULL, number, &nsim_pci_ops, nsim_bus,
					    &resources);
	if (!nsim_bus->bus) {
		pci_free_resource_list(&resources);
		kfree(nsim_bus);
		return ERR_PTR(-ENOMEM);
	}

	list_add(&nsim_bus->list, &nsim_pci_buses);
	return nsim_bus;
}

static struct nsim_pci_bus *nsim_pci_bus_get(u8 number)
{
	struct nsim_pci_bus *nsim_bus;

	list_for_each_entry(nsim_bus, &nsim_pci_buses, list)
		if (nsim_bus->bus->number == number)
			goto found;

	/* Somebody else's bus: the architecture's own */
	if (pci_find_bus(0, number))
		return ERR_PTR(-EBUSY);
	nsim_bus = nsim_pci_bus_create(number);
	if (IS_ERR(nsim_bus))
		return nsim_bus;
found:
	nsim_bus->users++;
	return nsim_bus;
}

static void nsim_pci_bus_put(struct nsim_pci_bus *nsim_bus)
{
	struct pci_host_bridge *bridge = to_pci_host_bridge(nsim_bus->bus->bridge);

	if (--nsim_bus->users)
		return;
	list_del(&nsim_bus->list);
	pci_stop_root_bus(nsim_bus->bus);
	pci_remove_root_bus(nsim_bus->bus);
	/* The bridge that pci_create_root_bus() allocated is ours to release. */
	pci_free_host_bridge(bridge);
	kfree(nsim_bus);
}

/* Functions */

static void nsim_pci_remove_functions(struct nsim_pci *pci)
{
	int i;

	/* The first one last: with it the PCI core takes the slot for empty. */
	for (i = pci->count - 1; i >= 0; i--) {
		struct nsim_pci_function *function = &pci->function[i];

		if (function->pdev) {
			pci_stop_and_remove_bus_device(function->pdev);
			pci_dev_put(function->pdev);
		}
		pci->bus->function[pci->devfn + i] = NULL;
	}
}

static int nsim_pci_add_functions(struct nsim_pci *pci)
{
	struct pci_bus *bus = pci->bus->bus;
	/* an EUI-64 out of a locally administered prefix and the place */
	u64 serial = 0x021588fffe000000ULL | bus->number << 8 | pci->devfn;
	int i;

	for (i = 0; i < NSIM_PCI_FUNCTIONS; i++)
		if (pci->bus->function[pci->devfn + i])
			return -EBUSY;

	for (i = 0; i < pci->count; i++) {
		nsim_pci_config_init(&pci->function[i], pci->count > 1, serial);
		pci->bus->function[pci->devfn + i] = &pci->function[i];
	}
	pci_scan_slot(bus, pci->devfn);

	for (i = 0; i < pci->count; i++) {
		struct pci_dev *pdev = pci_get_slot(bus, pci->devfn + i);

		if (!pdev) {
			nsim_pci_remove_functions(pci);
			return -ENOMEM;
		}
		pci->function[i].pdev = pdev;
		pci_bus_add_device(pdev);
	}
	return 0;
}

/*
 * DDDD:BB:SS.0 and nothing else. There is one domain. The digits are checked
 * one by one since sscanf() takes less than a field's width too.
 */
static int nsim_pci_parse(const char *address, u8 *bus, unsigned int *devfn)
{
	static const char form[] = "xxxx:xx:xx.0";
	unsigned int domain, number, slot;
	int i;

	for (i = 0; form[i]; i++)
		if (form[i] == 'x' ? !isxdigit(address[i]) : address[i] != form[i])
			return -EINVAL;
	if (*skip_spaces(address + i))
		return -EINVAL;

	if (sscanf(address, "%4x:%2x:%2x", &domain, &number, &slot) != 3 ||
	    domain || slot > 31)
		return -EINVAL;
	*bus = number;
	*devfn = PCI_DEVFN(slot, 0);
	return 0;
}

/**
 * nsim_pci_create - make the PCI functions of a device
 * @address: what follows the numbers of new_device: nothing, or a space and the
 *	address of function 0
 * @functions: number of ports
 *
 * Return: the functions; NULL if there is no address; -EINVAL if it is none or
 * there are more ports than a PCI device has functions; -EBUSY if it is taken
 */
struct nsim_pci *nsim_pci_create(const char *address, unsigned int functions)
{
	const char *text = skip_spaces(address);
	struct nsim_pci *pci;
	unsigned int devfn;
	u8 bus;
	int err;

	if (!*text)
		return NULL;
	if (text == address || nsim_pci_parse(text, &bus, &devfn))
		return ERR_PTR(-EINVAL);
	if (!functions || functions > NSIM_PCI_FUNCTIONS)
		return ERR_PTR(-EINVAL);

	pci = kzalloc(sizeof(*pci), GFP_KERNEL);
	if (!pci)
		return ERR_PTR(-ENOMEM);
	pci->devfn = devfn;
	pci->count = functions;

	pci_lock_rescan_remove();
	pci->bus = nsim_pci_bus_get(bus);
	if (IS_ERR(pci->bus)) {
		err = PTR_ERR(pci->bus);
		goto err_unlock;
	}
	err = nsim_pci_add_functions(pci);
	if (err)
		goto err_bus_put;
	pci_unlock_rescan_remove();
	return pci;

err_bus_put:
	nsim_pci_bus_put(pci->bus);
err_unlock:
	pci_unlock_rescan_remove();
	kfree(pci);
	return ERR_PTR(err);
}

/**
 * nsim_pci_destroy - remove the PCI functions of a device
 * @pci: the functions, or NULL; nothing is below them any more
 */
void nsim_pci_destroy(struct nsim_pci *pci)
{
	if (!pci)
		return;
	pci_lock_rescan_remove();
	nsim_pci_remove_functions(pci);
	nsim_pci_bus_put(pci->bus);
	pci_unlock_rescan_remove();
	kfree(pci);
}

/**
 * nsim_pci_device - the device of a function
 * @pci: the functions, or NULL
 * @function: number of the function
 *
 * Return: the device, or NULL
 */
struct device *nsim_pci_device(struct nsim_pci *pci, unsigned int function)
{
	if (!pci || function >= pci->count)
		return NULL;
	return &pci->function[function].pdev->dev;
}

/**
 * nsim_pci_show_clock - let each function show the PTP clock
 * @pci: the functions, or NULL
 * @index: number of a PTP clock whose parent is function 0
 *
 * The driver core makes directory "ptp" in the parent. The other functions use
 * the same clock; they get a directory with a link to it.
 *
 * Return: 0 or an error
 */
int nsim_pci_show_clock(struct nsim_pci *pci, int index)
{
	struct device *clock;
	char name[16];
	int i, err = 0;

	if (!pci)
		return 0;
	pci->clock = index;
	snprintf(name, sizeof(name), "ptp%d", index);
	clock = device_find_child_by_name(nsim_pci_device(pci, 0), name);
	if (!clock)
		return -ENODEV;

	for (i = 1; i < pci->count && !err; i++) {
		struct nsim_pci_function *function = &pci->function[i];

		function->ptp_dir = kobject_create_and_add("ptp", &function->pdev->dev.kobj);
		err = function->ptp_dir ?
		      sysfs_create_link(function->ptp_dir, &clock->kobj, name) :
		      -ENOMEM;
	}
	put_device(clock);
	if (err)
		nsim_pci_hide_clock(pci);
	return err;
}

/**
 * nsim_pci_hide_clock - undo nsim_pci_show_clock()
 * @pci: the functions, or NULL
 */
void nsim_pci_hide_clock(struct nsim_pci *pci)
{
	char name[16];
	int i;

	if (!pci)
		return;
	snprintf(name, sizeof(name), "ptp%d", pci->clock);
	for (i = 1; i < pci->count; i++) {
		struct nsim_pci_function *function = &pci->function[i];

		if (!function->ptp_dir)
			continue;
		sysfs_remove_link(function->ptp_dir, name);
		kobject_put(function->ptp_dir);
		function->ptp_dir = NULL;
	}
}
