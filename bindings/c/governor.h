#ifndef GOVERNOR_BINDINGS_C_GOVERNOR_H_
#define GOVERNOR_BINDINGS_C_GOVERNOR_H_

/* governor: a memory budget that is a hard fact, for one device in one process.
 *
 * What is granted never exceeds the budget, and nothing that the library
 * allocates is resident without a grant. It is not an allocator, and it limits
 * nobody who allocates past it.
 *
 * This is C89 and the one ABI that the library promises: names, codes and the
 * meaning of arguments stay; structs grow at the end, which is what their first
 * member, `struct_size`, is for.
 *
 * Errors. Every function returns a code and writes through its out-parameters
 * only when that code is GOVERNOR_OK. A null pointer where one is needed, or a
 * handle that is closed, is an error and not a crash; handles are never used
 * twice. Nothing aborts, exits or throws.
 *
 * Threads. Any thread may call anything at any time, except that while
 * governor_close runs nobody may be inside a call on that governor or on one of
 * its regions.
 *
 * Memory of the host. Where there is none left a call is GOVERNOR_REFUSED, and
 * leaves what its other errors leave. Whatever gives back (close, decommit,
 * release) needs none while the driver does what it is asked to.
 *
 * Fork. A child owns nothing of its parent's: each handle of the parent is
 * GOVERNOR_FAILED_PRECONDITION there. It may open a governor of its own.
 *
 * Units. Sizes are bytes, in a size_t of 64 bits. Blocks are counted from 0.
 * Times are seconds.
 *
 * Deadlines. A request's `deadline` is how many seconds from now it may wait
 * while it is short: as one request, of which reclaim functions are asked, and
 * told that very deadline. 0 does not wait, and asks nobody but the library's
 * own caches. HUGE_VAL waits for ever. A signal does not end a wait.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef char governor_needs_a_size_t_of_64_bits[sizeof(size_t) == 8 ? 1 : -1];

typedef enum governor_code_t {
  GOVERNOR_OK = 0,
  /* The caller's mistake, found before any effect: fix the call. */
  GOVERNOR_INVALID_ARGUMENT = 1,
  /* Short of budget, or of memory; nothing was changed: shed load, or try again
   * later. governor_last_refusal has the numbers, unless it is the host that
   * has no memory left. */
  GOVERNOR_REFUSED = 2,
  /* No driver or no device here: go on without. */
  GOVERNOR_UNAVAILABLE = 3,
  /* This device, driver or version of the library cannot do it. */
  GOVERNOR_UNIMPLEMENTED = 4,
  /* A closed handle, a wrong order of calls, a forked child, or a device that
   * is beyond repair: stop using the object. */
  GOVERNOR_FAILED_PRECONDITION = 5,
  /* The driver or the system said something that we do not know: report it. */
  GOVERNOR_INTERNAL = 6
} governor_code_t;

/* Handles. Opaque; none points to anything that may be read. */
typedef struct governor_t governor_t;
typedef struct governor_region_t governor_region_t;
typedef struct governor_lease_t governor_lease_t;

/* The code's name, "GOVERNOR_REFUSED". Static; "GOVERNOR_?" for no code. */
const char *governor_code_name(governor_code_t code);

/* What went wrong in this thread's latest call that did not return GOVERNOR_OK,
 * for people; "" when none did. Not null. Valid until this thread's next call
 * that fails. */
const char *governor_last_error(void);

/* --- Opening and closing ------------------------------------------------- */

/* How a governor is opened. Start from GOVERNOR_OPTIONS_INIT. Null means: as
 * the environment variable says, and else the default. The environment is read
 * in any case, and a variable that does not parse is an error. */
typedef struct governor_options_t {
  size_t struct_size; /* sizeof(governor_options_t) */

  /* Which device, as the driver numbers them. */
  int device;

  /* Sizes are texts: "24GiB", "512MiB", "117GB" (10^9 each), "4096" bytes, or a
   * share of what there is, "90%". */

  /* The most that may be granted, the allowance included. GOVERNOR_BUDGET; else
   * what the device has, less os_reserve where it is the machine's own. */
  const char *budget;
  /* What the operating system keeps of the machine's memory.
   * GOVERNOR_OS_RESERVE; else max(5 %, min(8 GiB, 1/8)) of it. */
  const char *os_reserve;
  /* What the budget sets aside for memory that this process has on the device
   * and that the library did not allocate. GOVERNOR_ALLOWANCE; else 1 GiB. */
  const char *allowance;

  /* "auto" (CUDA, where it answers), "cuda", or "host" (the driver's functions
   * over host memory). GOVERNOR_DRIVER; else auto. */
  const char *driver;
  /* What the host driver claims to be: "gb10,memory=8GiB".
   * GOVERNOR_HOST_DRIVER; else gb10 with this machine's memory. */
  const char *host_driver;

  /* Of requests that wait, the highest that fits is served first.
   * GOVERNOR_PRIORITY; else 0. */
  const int *priority;

  /* Not 0: the program calls governor_tick from a loop of its own, in which
   * reclaim callbacks run, and no thread is ever started. 0: the first
   * governor_on_reclaim starts one. */
  int tick;
} governor_options_t;

#define GOVERNOR_OPTIONS_INIT \
  { sizeof(governor_options_t), 0, NULL, NULL, NULL, NULL, NULL, NULL, 0 }

/* Opens a device. `options` may be null: the environment alone decides.
 * GOVERNOR_INVALID_ARGUMENT: an option or a variable that does not parse or
 *   does not fit, named (governor_last_refusal has the numbers of what does not
 *   fit); or a struct_size that is too small, or larger than this library knows
 *   with something set in the part that it does not know.
 * GOVERNOR_REFUSED: the machine cannot spare the allowance now.
 * GOVERNOR_UNAVAILABLE, GOVERNOR_UNIMPLEMENTED: no CUDA driver or device where
 *   one was asked for, or one that cannot map memory by hand.
 * Or the driver's error. On an error nothing is held. */
governor_code_t governor_open(const governor_options_t *options,
                              governor_t **governor);

/* Releases what is kept and the device. Afterwards the handle is closed, and a
 * region that is still open can only be closed.
 * GOVERNOR_FAILED_PRECONDITION: regions or leases still hold bytes; nothing was
 *   changed.
 * Or the driver's error; the governor is still open, close it again. */
governor_code_t governor_close(governor_t *governor);

/* --- Reading ------------------------------------------------------------- */

/* What a caller of cudaMemGetInfo wants to know, by arithmetic alone: (budget -
 * granted - unspent allowance, budget). The same whatever else runs on the
 * machine; no driver call. */
governor_code_t governor_mem_get_info(governor_t *governor, size_t *free_bytes,
                                      size_t *total_bytes);

/* Bits of governor_snapshot_t.estimated: this part is not measured. */
#define GOVERNOR_ESTIMATED_UNMANAGED 1UL
#define GOVERNOR_ESTIMATED_OTHER_PROCESSES 2UL
#define GOVERNOR_ESTIMATED_OS 4UL
#define GOVERNOR_ESTIMATED_EVICTABLE 8UL

/* One reading of the device and of the budget on it. The keys of `governor stat
 * --json`; docs/metrics.md has each with its formula. */
typedef struct governor_snapshot_t {
  size_t struct_size; /* sizeof(governor_snapshot_t), set by the caller */

  /* total = governed + unmanaged + other_processes + os + evictable + free */
  size_t total_bytes;
  size_t governed_bytes;
  size_t unmanaged_bytes;
  size_t other_processes_bytes;
  size_t os_bytes;
  size_t evictable_bytes;
  size_t free_bytes;
  unsigned long estimated;

  size_t budget_bytes;
  size_t granted_bytes; /* the allowance not counted */
  size_t peak_granted_bytes;
  size_t cached_bytes;
  size_t allowance_bytes;
  size_t debt_bytes;
  size_t headroom_bytes; /* the smaller of the budget's and the floor's */
  size_t floor_bytes;

  size_t residual_bytes;    /* of os_bytes: in no counter of the machine */
  size_t driver_pool_bytes; /* of os_bytes: released, still with the driver */
  size_t in_flight_bytes;   /* of all governors: granted, not memory yet */
  size_t shortfall_bytes;   /* how far the machine is below the floor */
  int pressure;             /* GOVERNOR_PRESSURE_... */
} governor_snapshot_t;

/* What the machine's memory pressure is, by rates, not by swap that is used. */
#define GOVERNOR_PRESSURE_NONE 0
#define GOVERNOR_PRESSURE_SOME 1
#define GOVERNOR_PRESSURE_CRITICAL 2

/* Takes a snapshot: a few driver calls. Writes the first struct_size bytes of
 * it; what this library does not know is zero.
 * GOVERNOR_INVALID_ARGUMENT: a struct_size below that of the first version. */
governor_code_t governor_snapshot(governor_t *governor,
                                  governor_snapshot_t *snapshot);

/* --- Refusals ------------------------------------------------------------ */

#define GOVERNOR_NAME_SIZE 64 /* of a name, its final NUL included */
#define GOVERNOR_MAX_HOLDERS 3

typedef struct governor_holder_t {
  char tag[GOVERNOR_NAME_SIZE];
  size_t granted_bytes;
} governor_holder_t;

/* Why a request got no grant, in numbers of the moment of refusal. */
typedef struct governor_refusal_t {
  size_t struct_size; /* sizeof(governor_refusal_t), set by the caller */

  size_t asked_bytes;
  size_t granted_bytes;  /* what all holders of the budget had then */
  size_t limit_bytes;    /* the limit that was hit */
  size_t headroom_bytes; /* what would have been granted then */
  /* Which limit: "budget"; "os_reserve", what the operating system keeps;
   * "device", what the device has at all; "driver" when the budget had room and
   * the driver had not; more names may come. */
  char limited_by[GOVERNOR_NAME_SIZE];
  char tag[GOVERNOR_NAME_SIZE]; /* who asked, or which option of an opening */
  size_t num_holders;
  governor_holder_t holders[GOVERNOR_MAX_HOLDERS]; /* the largest first */
} governor_refusal_t;

/* The refusal of this thread's latest call that did not return GOVERNOR_OK.
 * Other threads' refusals do not show.
 * GOVERNOR_FAILED_PRECONDITION: that call was not refused a grant (it failed
 *   otherwise), or none failed; governor_last_error stays as it is.
 * GOVERNOR_INVALID_ARGUMENT: as in governor_snapshot. */
governor_code_t governor_last_refusal(governor_refusal_t *refusal);

/* --- Tags ---------------------------------------------------------------- */

/* Names what this thread is granted until the matching governor_tag_pop: what a
 * refusal calls its holder. Nests. A tag is for a kind of memory ("kv"), never
 * for one request: a process has at most 64.
 * GOVERNOR_INVALID_ARGUMENT: not 1 to 63 printable ASCII characters.
 * GOVERNOR_REFUSED: too many names; without numbers. */
governor_code_t governor_tag_push(const char *name);

/* GOVERNOR_FAILED_PRECONDITION: this thread has pushed no tag. */
governor_code_t governor_tag_pop(void);

/* --- Regions ------------------------------------------------------------- */

/* Reserves addresses for a region of `size` bytes, rounded up to whole blocks
 * of `block_size` bytes; grants nothing. The block is the unit of commit and of
 * release: 2 MiB gives back finely, 1 GiB is fast.
 * GOVERNOR_INVALID_ARGUMENT: a size of zero, a block that is no multiple of the
 *   device's granularity, more than 2^20 blocks.
 * Or the driver's error. On an error nothing is reserved. */
governor_code_t governor_region_create(governor_t *governor, size_t size,
                                       size_t block_size,
                                       governor_region_t **region);

/* Gives memory to blocks [first, first + count), readable and writable by the
 * device when it returns; contents are unspecified. All or nothing. While short
 * it has others asked to give back, and waits for them, up to `deadline`
 * seconds from now: 0 does neither.
 * GOVERNOR_REFUSED: nothing was changed.
 * GOVERNOR_INVALID_ARGUMENT: no such blocks, one that is committed already, or
 *   a deadline that is negative or no number; nothing was changed.
 * GOVERNOR_FAILED_PRECONDITION: another thread is at one of the blocks.
 * Other errors are the driver's; no block was committed. */
governor_code_t governor_region_commit(governor_region_t *region, size_t first,
                                       size_t count, double deadline);

/* Takes the memory of blocks [first, first + count) away. `synchronize`: wait
 * for all work of the device before; 0 when the caller knows that none of it
 * touches the blocks. Touching them afterwards is a fault.
 * GOVERNOR_INVALID_ARGUMENT: no such blocks, or one that is not committed;
 *   nothing was changed.
 * GOVERNOR_FAILED_PRECONDITION: another thread is at one of the blocks.
 * Other errors are the driver's; what it would not unmap is still committed. */
governor_code_t governor_region_decommit(governor_region_t *region,
                                         size_t first, size_t count,
                                         int synchronize);

/* The base: constant for the region's life. A device address; on the host
 * driver the CPU may use committed blocks. */
governor_code_t governor_region_address(governor_region_t *region,
                                        void **address);

governor_code_t governor_region_num_blocks(governor_region_t *region,
                                           size_t *num_blocks);

/* Bytes that are physical in the region now. */
governor_code_t governor_region_resident(governor_region_t *region,
                                         size_t *resident_bytes);

/* 1 or 0. GOVERNOR_INVALID_ARGUMENT: no such block. */
governor_code_t governor_region_is_committed(governor_region_t *region,
                                             size_t block, int *is_committed);

/* Decommits everything and frees the addresses; afterwards the handle is
 * closed. Nobody uses the memory any more.
 * GOVERNOR_FAILED_PRECONDITION: another thread is at one of the blocks; nothing
 *   was changed.
 * Or the driver's error; close it again, it commits nothing more. */
governor_code_t governor_region_close(governor_region_t *region);

/* --- Giving back --------------------------------------------------------- */

/* It is asked until governor_reclaimer_close, whatever becomes of the handle.
 */
typedef struct governor_reclaimer_t governor_reclaimer_t;

/* Gives back what it can of `wanted` bytes within `deadline` seconds from now,
 * and returns how many it gave back; what came back is measured, whatever it
 * says. It may call anything of this interface but governor_close. */
typedef size_t (*governor_reclaim_function_t)(void *user, size_t wanted,
                                              double deadline);

/* What it costs to have again what a function gives back. */
#define GOVERNOR_RECLAIM_DEAR 0  /* work is lost, or waits */
#define GOVERNOR_RECLAIM_CHEAP 1 /* little: a copy, or quickly made */

/* `function` is asked from now on when a request or the machine is short: on
 * the governor's own thread, which this starts, or inside governor_tick; never
 * on a thread that asks for memory. Cheap ones are asked first (`cost`, one of
 * GOVERNOR_RECLAIM_...), and of one cost lower priorities. It does not throw.
 * GOVERNOR_INVALID_ARGUMENT: no function, or no such cost.
 * GOVERNOR_REFUSED: the system gives no thread. */
governor_code_t governor_on_reclaim(governor_t *governor,
                                    governor_reclaim_function_t function,
                                    void *user, int priority, int cost,
                                    governor_reclaimer_t **reclaimer);

/* The function is not called any more, and is not running when this returns,
 * but for a call that this is made from: it waits for one that is under way. To
 * be done before the governor is closed. */
governor_code_t governor_reclaimer_close(governor_reclaimer_t *reclaimer);

/* One round of looking after the machine: reads it, has memory given back
 * before it swaps, measures unmanaged memory, serves requests that wait.
 * `next`: seconds until it is to be called again; null: not wanted. */
governor_code_t governor_tick(governor_t *governor, double *next);

/* --- Leases -------------------------------------------------------------- */

/* A grant of `size` bytes without memory, for what somebody else allocates.
 * While short it has others asked to give back, and waits for them, up to
 * `deadline` seconds from now: 0 does neither.
 * GOVERNOR_REFUSED: nothing is granted.
 * GOVERNOR_INVALID_ARGUMENT: a size of zero, or a deadline that is negative or
 *   no number. */
governor_code_t governor_lease_acquire(governor_t *governor, size_t size,
                                       double deadline,
                                       governor_lease_t **lease);

governor_code_t governor_lease_size(governor_lease_t *lease, size_t *size);

/* Says that the bytes it was taken for are allocated: the machine's own figures
 * show them, and until it is said they count against the floor a second time.
 * The lease is held as before. Again does nothing. */
governor_code_t governor_lease_settle(governor_lease_t *lease);

/* Gives the bytes back; afterwards the handle is closed. */
governor_code_t governor_lease_release(governor_lease_t *lease);

#ifdef __cplusplus
}
#endif

#endif /* GOVERNOR_BINDINGS_C_GOVERNOR_H_ */
