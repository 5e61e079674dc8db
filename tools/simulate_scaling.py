#!/usr/bin/env python3
"""Simulates a run from file to file on many cores, from costs measured on few; see docs/scaling.md.

    simulate_scaling.py [--row-us US] [--row-bytes N] [--jobs 2,64,256] [--rows 1e12] ...

A discrete-event simulation of the pipeline: one reader fills slots in order, workers compute parts, one supervisor gives
parts out and counts them in, one writer empties slots in order. Beside each simulated rate stands that of the model

    rows/s = 1 / max(row / jobs + supervisor / part_rows, read, write)

so that a wrong formula shows. All times are in microseconds.
"""
import argparse
import heapq
import math


def model(costs, jobs):
    """Rows per microsecond, and which part of the pipeline sets it."""
    part = costs["chunk_rows"] / jobs
    stages = {"workers": costs["row"] / jobs + costs["idle"] / costs["chunk_rows"],
              "supervisor": costs["part"] / part, "reader": costs["read"], "writer": costs["write"]}
    worst = max(stages, key=stages.get)
    return 1 / stages[worst], worst


def simulate(costs, jobs, chunks, slots=4):
    """Rows per microsecond over `chunks` chunks."""
    rows = costs["chunk_rows"]
    part_rows = math.ceil(rows / jobs)
    parts = math.ceil(rows / part_rows)
    workers = [0.0] * jobs  # when each is free
    heapq.heapify(workers)
    reader = supervisor = writer = 0.0
    emptied = [0.0] * slots
    for number in range(chunks):
        slot = number % slots
        reader = max(reader, emptied[slot]) + rows * costs["read"]
        done = 0.0
        for _ in range(parts):
            supervisor = max(supervisor, reader) + costs["part"]
            free = heapq.heappop(workers)
            end = max(free, supervisor) + part_rows * costs["row"] + costs["idle"] / jobs
            heapq.heappush(workers, end)
            done = max(done, end)
        writer = max(writer, done) + rows * costs["write"]
        emptied[slot] = writer
    return chunks * rows / writer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row-us", type=float, default=0.0515, help="one core's time for a row")
    parser.add_argument("--read-us", type=float, default=0.006, help="the reader's time for a row")
    parser.add_argument("--write-us", type=float, default=0.001, help="the writer's time for a row")
    parser.add_argument("--part-us", type=float, default=6.0, help="the supervisor's time for a part")
    parser.add_argument("--idle-us", type=float, default=20.0, help="workers' time lost for a chunk, each")
    parser.add_argument("--row-bytes", type=float, default=44, help="of inputs and outputs")
    parser.add_argument("--chunk-bytes", type=float, default=2 << 20, help="of a chunk, for each worker")
    parser.add_argument("--most-bytes", type=float, default=64 << 20, help="of a chunk in all")
    parser.add_argument("--jobs", default="1,2,4,8,16,32,64,128,256")
    parser.add_argument("--rows", type=float, default=1e12)
    args = parser.parse_args()
    print(f"{'cores':>6} {'chunk':>9} {'simulated':>12} {'model':>12} {'efficiency':>10}  {'first to saturate':<18} time for {args.rows:g} rows")
    for jobs in map(int, args.jobs.split(",")):
        chunk = max(min(args.chunk_bytes * max(jobs, 2), args.most_bytes) / args.row_bytes, jobs)
        costs = {"row": args.row_us, "read": args.read_us, "write": args.write_us, "part": args.part_us,
                 "idle": args.idle_us * jobs, "chunk_rows": int(chunk)}
        rate, (expected, worst) = simulate(costs, jobs, 400), model(costs, jobs)
        hours = args.rows / rate / 1e6 / 3600
        print(f"{jobs:>6} {int(chunk):>9} {rate * 1e6:>10.3g}/s {expected * 1e6:>10.3g}/s {rate * args.row_us / jobs:>10.0%}"
              f"  {worst:<18} {hours:.3g} h")


if __name__ == "__main__":
    main()
