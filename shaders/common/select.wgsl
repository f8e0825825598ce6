// Shared by topk and gather: the best `keep` of any number of items, exact and in order, by one workgroup.
//
// The kernel's own file defines the items: `key_of(row, item)` gives the bits of a score, or 0 for an item that does
// not take part. Items are ordered by key descending, then by item ascending. No two are equal in that order, so the
// result does not depend on the order of the threads.
//
// An item's place in the order is a number of five digits of ten bits: three of `rank` (its key, spread over 30 bits)
// and two of `order` (its index, counted down from the top). Radix select from the highest digit: count the items in
// each of 1024 bins, walk down from the highest bin until `keep` items are passed, and go on with the next digit inside
// the bin where that happened. Stop as soon as all items down to that bin fit the slots, which one digit usually
// achieves. The items in the slots are then sorted by a bitonic network of the next power of two.

const BINS = 1024u;
const GROUPS = 32u;
const BINS_OF_GROUP = BINS / GROUPS;
const LEVELS = 5u;
const ITEMS_MAX = 0xfffffu; // an item's index has 20 bits
const ONE_BITS = 0x3f800000u; // the bits of 1.0

var<workgroup> sh_bins: array<atomic<u32>, BINS>;
var<workgroup> sh_groups: array<u32, GROUPS>;
var<workgroup> sh_keys: array<u32, SLOTS>;
var<workgroup> sh_items: array<u32, SLOTS>;
var<workgroup> sh_filled: atomic<u32>;
var<workgroup> sh_total: u32;
// The lowest place that is taken, as far as its digits are known, and the number of items above its bin.
var<workgroup> sh_cut_rank: u32;
var<workgroup> sh_cut_order: u32;
var<workgroup> sh_above: u32;
var<workgroup> sh_done: u32;

// The digit of an item at a level, or BINS when the item is outside the bin that is being divided.
fn digit(level: u32, rank: u32, order: u32) -> u32 {
  if (level < 3u) {
    let shift = 20u - 10u * level;
    let inside = (rank >> (shift + 10u)) == (sh_cut_rank >> (shift + 10u));
    return select(BINS, (rank >> shift) % BINS, inside);
  }
  let shift = 40u - 10u * level;
  let inside = rank == sh_cut_rank && (order >> (shift + 10u)) == (sh_cut_order >> (shift + 10u));
  return select(BINS, (order >> shift) % BINS, inside);
}

// One thread walks from the highest bin down to the one where `keep` is reached: at most 64 steps.
fn find_cut(level: u32, keep: u32) {
  var above = sh_above;
  var group = GROUPS;
  while (group > 0u && above + sh_groups[group - 1u] < keep) {
    group -= 1u;
    above += sh_groups[group];
  }
  sh_done = 1u;
  if (group == 0u) {
    return; // fewer than `keep` in all: the cut stays at the bottom
  }
  var bin = group * BINS_OF_GROUP - 1u;
  while (above + atomicLoad(&sh_bins[bin]) < keep) {
    above += atomicLoad(&sh_bins[bin]);
    bin -= 1u;
  }
  sh_above = above;
  sh_done = select(0u, 1u, above + atomicLoad(&sh_bins[bin]) <= SLOTS);
  if (level < 3u) {
    sh_cut_rank |= bin << (20u - 10u * level);
  } else {
    sh_cut_order |= bin << (40u - 10u * level);
  }
}

fn before(a: u32, b: u32) -> bool {
  return sh_keys[a] > sh_keys[b] || (sh_keys[a] == sh_keys[b] && sh_items[a] < sh_items[b]);
}

// Leaves the best in `sh_keys` and `sh_items`, best first, and returns how many there are. Keys are above `floor_bits`
// and not above ONE_BITS; `items` is at most 2^20, `keep` from 1 to SLOTS.
fn select_best(local: u32, row: u32, items: u32, keep: u32, floor_bits: u32) -> u32 {
  let spread = countLeadingZeros(ONE_BITS - floor_bits) - 2u;
  if (local == 0u) {
    sh_cut_rank = 0u;
    sh_cut_order = 0u;
    sh_above = 0u;
    atomicStore(&sh_filled, 0u);
  }
  for (var slot = local; slot < SLOTS; slot += THREADS) {
    sh_keys[slot] = 0u;
    sh_items[slot] = 0xffffffffu;
  }

  for (var level = 0u; level < LEVELS; level += 1u) {
    for (var bin = local; bin < BINS; bin += THREADS) {
      atomicStore(&sh_bins[bin], 0u);
    }
    workgroupBarrier();
    for (var item = local; item < items; item += THREADS) {
      let key = key_of(row, item);
      if (key != 0u) {
        let bin = digit(level, (key - floor_bits) << spread, ITEMS_MAX - item);
        if (bin < BINS) {
          atomicAdd(&sh_bins[bin], 1u);
        }
      }
    }
    workgroupBarrier();
    if (local < GROUPS) {
      var sum = 0u;
      for (var i = 0u; i < BINS_OF_GROUP; i += 1u) {
        sum += atomicLoad(&sh_bins[local * BINS_OF_GROUP + i]);
      }
      sh_groups[local] = sum;
    }
    workgroupBarrier();
    if (local == 0u) {
      find_cut(level, keep);
    }
    if (workgroupUniformLoad(&sh_done) != 0u) {
      break;
    }
  }

  for (var item = local; item < items; item += THREADS) {
    let key = key_of(row, item);
    let rank = (key - floor_bits) << spread;
    let taken = rank > sh_cut_rank || (rank == sh_cut_rank && ITEMS_MAX - item >= sh_cut_order);
    if (key != 0u && taken) {
      let slot = atomicAdd(&sh_filled, 1u);
      sh_keys[slot] = key;
      sh_items[slot] = item;
    }
  }
  workgroupBarrier();
  if (local == 0u) {
    sh_total = atomicLoad(&sh_filled);
  }
  let found = workgroupUniformLoad(&sh_total);

  for (var run = 2u; run < 2u * found; run *= 2u) {
    for (var gap = run / 2u; gap > 0u; gap /= 2u) {
      let low = (local / gap) * gap * 2u + local % gap;
      let high = low + gap;
      let falling = (low / run) % 2u == 0u;
      if (select(before(low, high), before(high, low), falling)) {
        let key = sh_keys[low];
        let item = sh_items[low];
        sh_keys[low] = sh_keys[high];
        sh_items[low] = sh_items[high];
        sh_keys[high] = key;
        sh_items[high] = item;
      }
      workgroupBarrier();
    }
  }
  return min(found, keep);
}
