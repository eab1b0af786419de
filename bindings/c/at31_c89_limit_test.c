/* A C89 program that is told nothing: its limit comes from the environment
 * alone (see BUILD). It commits blocks until it is refused, and fails unless
 * what it got is the limit to the block, and the refusal names that limit. */
#include <governor.h>
#include <stdio.h>
#include <string.h>

#define BLOCK ((size_t)2 << 20)
#define BUDGET ((size_t)200 << 20)
#define ALLOWANCE ((size_t)64 << 20)
#define BLOCKS_THAT_FIT ((BUDGET - ALLOWANCE) / BLOCK)

static int failures = 0;

static void expect(int condition, const char *what) {
  if (condition) return;
  ++failures;
  fprintf(stderr, "not so: %s\n  last error: %s\n", what,
          governor_last_error());
}

static void expect_ok(governor_code_t code, const char *call) {
  if (code == GOVERNOR_OK) return;
  ++failures;
  fprintf(stderr, "%s: %s: %s\n", call, governor_code_name(code),
          governor_last_error());
}

static size_t commit_until_refused(governor_region_t *region) {
  size_t block = 0;
  governor_code_t code = GOVERNOR_OK;
  while ((code = governor_region_commit(region, block, 1, 0)) == GOVERNOR_OK) {
    ++block;
  }
  expect(code == GOVERNOR_REFUSED, "the commit was refused");
  return block;
}

static void check_refusal(void) {
  governor_refusal_t refusal;
  memset(&refusal, 0, sizeof(refusal));
  refusal.struct_size = sizeof(refusal);
  expect_ok(governor_last_refusal(&refusal), "governor_last_refusal");
  expect(strcmp(refusal.limited_by, "budget") == 0, "the budget refused");
  expect(refusal.limit_bytes == BUDGET, "the refusal names the budget");
  expect(refusal.granted_bytes == BUDGET, "all of it was granted");
  expect(refusal.asked_bytes == BLOCK, "one block was asked for");
  expect(refusal.headroom_bytes == 0, "there was no headroom");
  expect(strcmp(refusal.tag, "kv") == 0, "who asked");
  expect(refusal.num_holders == 2, "two hold the budget");
  expect(strcmp(refusal.holders[0].tag, "kv") == 0, "the largest holder");
  expect(refusal.holders[0].granted_bytes == BUDGET - ALLOWANCE,
         "what the largest holder has");
  expect(strstr(governor_last_error(), "200MiB") != NULL,
         "the message says the limit");
}

int main(void) {
  governor_t *governor = NULL;
  governor_region_t *region = NULL;
  size_t free_bytes = 0;
  size_t total_bytes = 0;
  size_t resident = 0;
  void *address = NULL;

  expect_ok(governor_open(NULL, &governor), "governor_open");
  expect_ok(governor_region_create(governor, 2 * BUDGET, BLOCK, &region),
            "governor_region_create");
  if (failures != 0) return 1;

  expect_ok(governor_tag_push("kv"), "governor_tag_push");
  expect(commit_until_refused(region) == BLOCKS_THAT_FIT,
         "the limit to the block");
  check_refusal();
  expect_ok(governor_region_resident(region, &resident),
            "governor_region_resident");
  expect(resident == BUDGET - ALLOWANCE, "resident is what was granted");
  expect_ok(governor_mem_get_info(governor, &free_bytes, &total_bytes),
            "governor_mem_get_info");
  expect(free_bytes == 0 && total_bytes == BUDGET, "nothing is free");

  /* What was granted is really there. */
  expect_ok(governor_region_address(region, &address),
            "governor_region_address");
  memset(address, 0x5a, BUDGET - ALLOWANCE);

  /* What is given back can be had again, and nothing more. */
  expect_ok(governor_region_decommit(region, 0, 1, 1),
            "governor_region_decommit");
  expect_ok(governor_region_commit(region, BLOCKS_THAT_FIT, 1, 0),
            "governor_region_commit");
  expect(governor_region_commit(region, 0, 1, 0) == GOVERNOR_REFUSED,
         "one block more is refused");

  expect_ok(governor_tag_pop(), "governor_tag_pop");
  expect_ok(governor_region_close(region), "governor_region_close");
  expect_ok(governor_close(governor), "governor_close");
  return failures == 0 ? 0 : 1;
}
