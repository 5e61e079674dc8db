/* dealer_processes.c: chunks computed by worker processes.
 *
 * The calling thread is the supervisor. It cuts each chunk into parts, gives them to workers, and counts them in again; a
 * worker is a fork of this process with a session of its own on the model, whose packed weights stay shared (nobody
 * writes to them). A part goes out and comes back as one byte on a socket: rows and results lie in shared memory, at
 * the same addresses for all. Only a worker that has a part writes to the part's results, so one that dies at any
 * moment leaves nothing behind but that part to be computed again.
 *
 * A worker is dead when its socket ends. The part that it was at has killed once, one that it had in stock has not. A part
 * that kills twice is halved, and so on down to one row (one batch where rows mix), which has failed.
 *
 * Forking while other threads run: the model's locks are held meanwhile (hp_model_before_fork), the C library looks after
 * its own, and a worker calls nothing else that could be locked. A worker dies with the supervisor's thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/nodes.h"
#include "exec/dealer.h"
#include "exec/text.h"

enum { STOCK = 2, REPORTED = 16, KILLS = 2, TELL_MILLISECONDS = 200, MOST_DEATHS = 64 };

/* A part of a chunk on its way, in shared memory. The supervisor writes the upper half, the worker the lower one. */
typedef struct mailbox {
    int slot;
    int64_t first, rows;
    hp_status status;
    int64_t done;
    hp_error error;
    size_t failure_count;
    hp_failure failures[REPORTED];
} mailbox;

typedef struct part {
    int slot;
    int64_t first, rows;
    int kills;
} part;

typedef struct worker {
    pid_t pid; /* 0: none */
    int socket;
    int count; /* parts that it has; parts[0] is the one it is at */
    part parts[STOCK];
    int boxes[STOCK]; /* which mailbox each is in */
    mailbox *mail;    /* STOCK of them */
} worker;

struct hp_crew {
    hp_ring *ring;
    const hp_work *work;
    worker *workers;
    struct pollfd *polled;
    part *queue; /* parts to be given out; the next one last */
    size_t queued, queue_capacity;
    bool *taken;          /* per slot: its chunk is being computed */
    int64_t *error_first; /* per slot: of the part whose error the chunk has */
    int chunks_taken;
    int64_t computed; /* rows */
    int deaths;       /* since something was completed */
    hp_status status; /* of the crew: not HP_OK ends it */
    hp_error error;
};

/* ---- in the worker ------------------------------------------------------------------------------------------------ */

static void prepare_worker(const hp_crew *crew, int self, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    prctl(PR_SET_NAME, "hp-worker");
    hp_nodes_bind_thread(hp_nodes_of_worker(self, crew->work->jobs));
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    /* An interrupt from the terminal reaches all processes; what it means is the supervisor's to say. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 0; i < crew->work->jobs; i++)
        if (i != self && crew->workers[i].pid) close(crew->workers[i].socket);
    for (int i = 0; i < 2; i++) close(crew->ring->wake[i]);
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); /* rather a worker than the supervisor */
    if (file < 0) return;
    (void)!write(file, "500", 3);
    close(file);
}

static void work_on(const hp_crew *crew, mailbox *mail, hp_session *session, const hp_error *no_session) {
    hp_failures failures = {.at = mail->failures, .capacity = REPORTED, .fixed = true};
    mail->done = 0;
    if (session) {
        mail->status = hp_chunk_compute(session, crew->work, crew->ring->chunks[mail->slot], mail->first, mail->rows,
            &failures, &mail->done, &mail->error);
    } else {
        mail->status = no_session->status;
        mail->error = *no_session;
    }
    mail->failure_count = failures.count;
}

static void worker_main(const hp_crew *crew, int self, int socket, pid_t parent) {
    prepare_worker(crew, self, parent);
    hp_session *session = NULL;
    hp_error error;
    hp_predict_options options = {.struct_size = sizeof options, .jobs = 1, .batch_size = crew->work->batch_size};
    if (hp_session_open(crew->work->model, &options, &session, &error) == HP_OK)
        hp_session_move(session, hp_nodes_of_worker(self, crew->work->jobs));
    for (;;) {
        unsigned char box;
        ssize_t n = recv(socket, &box, 1, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) _exit(0);
        work_on(crew, &crew->workers[self].mail[box], session, &error);
        do n = send(socket, &box, 1, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n <= 0) _exit(0);
    }
}

/* ---- starting and ending workers ---------------------------------------------------------------------------------- */

static hp_status start_worker(hp_crew *crew, int k, hp_error *error) {
    int pair[2];
    HP_FAIL_IF(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0, error, HP_ERROR_IO, NULL,
        "no socket can be had for a worker process: %s", strerror(errno));
    pid_t parent = getpid();
    hp_model_before_fork(crew->work->model);
    pid_t pid = fork();
    int reason = errno;
    hp_model_after_fork(crew->work->model);
    if (pid == 0) {
        close(pair[0]);
        worker_main(crew, k, pair[1], parent);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        HP_FAIL(error, HP_ERROR_NO_MEMORY, NULL, "a worker process cannot be started: %s", strerror(reason));
    }
    crew->workers[k].pid = pid;
    crew->workers[k].socket = pair[0];
    return HP_OK;
}

/* Waits for a worker whose end is certain; text says what ended it. */
static void bury(worker *w, char *text, size_t size) {
    int status = 0;
    pid_t done;
    close(w->socket);
    do done = waitpid(w->pid, &status, 0);
    while (done < 0 && errno == EINTR);
    if (done == w->pid && WIFSIGNALED(status))
        snprintf(text, size, "signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (done == w->pid && WIFEXITED(status))
        snprintf(text, size, "exit code %d", WEXITSTATUS(status));
    else
        snprintf(text, size, "how is not known"); /* the program took the news of it */
    w->pid = 0;
    w->count = 0;
}

/* Has as many workers as there can be; fails only where there is none. */
static hp_status start_workers(hp_crew *crew, hp_error *error) {
    int alive = 0;
    hp_status status = HP_OK;
    for (int k = 0; k < crew->work->jobs; k++) {
        if (!crew->workers[k].pid && status == HP_OK) status = start_worker(crew, k, error);
        alive += crew->workers[k].pid != 0;
    }
    return alive ? HP_OK : status;
}

size_t hp_crew_bytes(int jobs) {
    return (size_t)jobs * (STOCK * sizeof(mailbox) + HP_ALIGNMENT);
}

hp_status hp_crew_open(hp_ring *ring, const hp_work *work, hp_shared *shared, hp_crew **result, hp_error *error) {
    *result = NULL;
    hp_crew *crew = HP_NEW(hp_crew);
    HP_ALLOCATED(crew, error);
    *crew = (hp_crew){.ring = ring, .work = work};
    size_t jobs = (size_t)work->jobs, slots = (size_t)ring->count;
    crew->workers = hp_alloc_array(jobs, sizeof *crew->workers);
    crew->polled = hp_alloc_array(jobs + 1, sizeof *crew->polled);
    crew->taken = hp_alloc_array(slots, sizeof *crew->taken);
    crew->error_first = hp_alloc_array(slots, sizeof *crew->error_first);
    bool complete = crew->workers && crew->polled && crew->taken && crew->error_first;
    for (size_t k = 0; k < jobs && complete; k++)
        complete = (crew->workers[k].mail = hp_shared_take(shared, STOCK * sizeof(mailbox))) != NULL;
    hp_status status =
        complete ? hp_ring_make_wake(ring, error) : hp_error_set(error, HP_ERROR_NO_MEMORY, NULL, "out of memory");
    if (status == HP_OK) status = start_workers(crew, error);
    if (status == HP_OK)
        *result = crew;
    else
        hp_crew_close(crew);
    return status;
}

void hp_crew_close(hp_crew *crew) {
    if (!crew) return;
    char how[128];
    for (int k = 0; crew->workers && k < crew->work->jobs; k++)
        if (crew->workers[k].pid) kill(crew->workers[k].pid, SIGKILL); /* it holds nothing that would be lost */
    for (int k = 0; crew->workers && k < crew->work->jobs; k++)
        if (crew->workers[k].pid) bury(&crew->workers[k], how, sizeof how);
    hp_free(crew->workers);
    hp_free(crew->polled);
    hp_free(crew->queue);
    hp_free(crew->taken);
    hp_free(crew->error_first);
    hp_free(crew);
}

/* ---- parts -------------------------------------------------------------------------------------------------------- */

/* Ends the crew: what went wrong is not a matter of some rows. */
static void give_up(hp_crew *crew, hp_status status, const hp_error *error) {
    if (crew->status != HP_OK) return;
    crew->status = status;
    crew->error = *error;
}

static void enqueue(hp_crew *crew, part p) {
    if (HP_GROW(crew->queue, crew->queue_capacity, crew->queued + 1)) {
        crew->queue[crew->queued++] = p;
        return;
    }
    hp_error error;
    give_up(crew, hp_error_set(&error, HP_ERROR_NO_MEMORY, NULL, "out of memory"), &error);
}

/* Cuts a chunk into parts behind all others that wait. */
static void take_chunk(hp_crew *crew, int slot) {
    hp_chunk *chunk = crew->ring->chunks[slot];
    int64_t unit = crew->work->unit, share = (chunk->rows + crew->work->jobs - 1) / crew->work->jobs;
    if (share < crew->work->least_part) share = crew->work->least_part;
    share = (share + unit - 1) / unit * unit;
    chunk->status = HP_OK;
    chunk->failures.count = 0;
    chunk->rows_left = chunk->rows;
    crew->taken[slot] = true;
    crew->chunks_taken++;
    size_t parts = (size_t)((chunk->rows + share - 1) / share);
    if (!HP_GROW(crew->queue, crew->queue_capacity, crew->queued + parts)) {
        hp_error error;
        give_up(crew, hp_error_set(&error, HP_ERROR_NO_MEMORY, NULL, "out of memory"), &error);
        return;
    }
    if (crew->queued > 0) memmove(crew->queue + parts, crew->queue, crew->queued * sizeof *crew->queue);
    crew->queued += parts;
    part *place = crew->queue + parts;
    for (int64_t first = 0; first < chunk->rows; first += share)
        *--place = (part){slot, first, share < chunk->rows - first ? share : chunk->rows - first, 0};
}

static void finish_rows(hp_crew *crew, int slot, int64_t rows) {
    hp_chunk *chunk = crew->ring->chunks[slot];
    crew->computed += rows;
    crew->deaths = 0;
    chunk->rows_left -= rows;
    if (chunk->rows_left > 0) return;
    crew->taken[slot] = false;
    crew->chunks_taken--;
    hp_ring_pass(crew->ring, chunk, HP_CHUNK_DONE);
}

/* The chunk has failed, if nothing before has; what comes behind need not be computed. */
static void fail_part(hp_crew *crew, const part *p, hp_status status, const hp_error *error) {
    hp_chunk *chunk = crew->ring->chunks[p->slot];
    if (chunk->status == HP_OK || p->first < crew->error_first[p->slot]) {
        chunk->status = status;
        chunk->error = *error;
        crew->error_first[p->slot] = p->first;
    }
    int64_t dropped = p->rows;
    size_t kept = 0;
    for (size_t i = 0; i < crew->queued; i++) {
        if (crew->queue[i].slot == p->slot && crew->queue[i].first > crew->error_first[p->slot])
            dropped += crew->queue[i].rows;
        else
            crew->queue[kept++] = crew->queue[i];
    }
    crew->queued = kept;
    finish_rows(crew, p->slot, dropped);
}

static void receive_part(hp_crew *crew, worker *w) {
    part p = w->parts[0];
    mailbox *mail = &w->mail[w->boxes[0]];
    hp_chunk *chunk = crew->ring->chunks[p.slot];
    w->count--;
    memmove(w->parts, w->parts + 1, (size_t)w->count * sizeof *w->parts);
    memmove(w->boxes, w->boxes + 1, (size_t)w->count * sizeof *w->boxes);
    if (mail->status != HP_OK) {
        fail_part(crew, &p, mail->status, &mail->error);
        return;
    }
    for (size_t i = 0; i < mail->failure_count; i++) {
        const hp_failure *f = &mail->failures[i];
        if (hp_failures_add(&chunk->failures, f->first, f->rows, &f->error)) continue;
        hp_error error;
        give_up(crew, hp_error_set(&error, HP_ERROR_NO_MEMORY, NULL, "out of memory"), &error);
    }
    if (mail->done < p.rows) enqueue(crew, (part){p.slot, p.first + mail->done, p.rows - mail->done, 0});
    finish_rows(crew, p.slot, mail->done);
}

/* What is to become of a part that killed its worker. */
static void retry_part(hp_crew *crew, part p, const char *how) {
    hp_chunk *chunk = crew->ring->chunks[p.slot];
    int64_t unit = crew->work->unit;
    if (++p.kills < KILLS) {
        enqueue(crew, p);
        return;
    }
    if (p.rows > unit) {
        int64_t half = (p.rows / 2 + unit - 1) / unit * unit, rest = p.rows - half;
        enqueue(crew, (part){p.slot, p.first + half, rest, rest > unit ? KILLS - 1 : 0});
        enqueue(crew, (part){p.slot, p.first, half, half > unit ? KILLS - 1 : 0});
        return;
    }
    hp_error error;
    const hp_io_view *view = &chunk->views[0];
    hp_status status = hp_error_set(
        &error, HP_ERROR_ROW, view->name, "computing it killed its worker process %d times (%s)", KILLS, how);
    error.row = view->first_row + p.first;
    if (crew->work->on_error != HP_ON_ERROR_NAN) {
        fail_part(crew, &p, status, &error);
        return;
    }
    hp_chunk_blank(crew->work, chunk, p.first, p.rows);
    if (!hp_failures_add(&chunk->failures, p.first, p.rows, &error))
        give_up(crew, hp_error_set(&error, HP_ERROR_NO_MEMORY, NULL, "out of memory"), &error);
    status = hp_text_make(crew->work, chunk, p.first, p.rows, &chunk->failures, NULL, 1, &error);
    if (status != HP_OK) give_up(crew, status, &error);
    finish_rows(crew, p.slot, p.rows);
}

static void lose_worker(hp_crew *crew, worker *w) {
    char how[128];
    int count = w->count;
    bury(w, how, sizeof how);
    for (int i = count - 1; i > 0; i--) enqueue(crew, w->parts[i]);
    if (count > 0) retry_part(crew, w->parts[0], how);
    if (++crew->deaths <= MOST_DEATHS + 2 * crew->work->jobs) return;
    hp_error error;
    give_up(crew,
        hp_error_set(&error, HP_ERROR_INTERNAL, NULL, "worker processes keep dying, and nothing gets done (%s)", how),
        &error);
}

/* ---- the supervisor ----------------------------------------------------------------------------------------------- */

static void give_parts(hp_crew *crew) {
    for (int depth = 1; depth <= STOCK; depth++)
        for (int k = 0; k < crew->work->jobs && crew->queued > 0; k++) {
            worker *w = &crew->workers[k];
            if (!w->pid || w->count >= depth) continue;
            int box = w->count > 0 && w->boxes[0] == 0;
            part p = crew->queue[--crew->queued];
            mailbox *mail = &w->mail[box];
            mail->slot = p.slot;
            mail->first = p.first;
            mail->rows = p.rows;
            w->parts[w->count] = p;
            w->boxes[w->count++] = box;
            unsigned char byte = (unsigned char)box;
            while (send(w->socket, &byte, 1, MSG_NOSIGNAL) < 0 && errno == EINTR) {
            } /* dead: its socket says so soon */
        }
}

static void hear(hp_crew *crew, worker *w) {
    for (;;) {
        unsigned char box;
        ssize_t n = recv(w->socket, &box, 1, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n <= 0) {
            lose_worker(crew, w);
            return;
        }
        if (w->count > 0) receive_part(crew, w);
    }
}

/* Waits until a worker or the ring has news, or it is time to tell the progress. */
static void await_news(hp_crew *crew) {
    int jobs = crew->work->jobs;
    for (int k = 0; k < jobs; k++)
        crew->polled[k] = (struct pollfd){.fd = crew->workers[k].pid ? crew->workers[k].socket : -1, .events = POLLIN};
    crew->polled[jobs] = (struct pollfd){.fd = crew->ring->wake[0], .events = POLLIN};
    int ready = poll(crew->polled, (nfds_t)jobs + 1, TELL_MILLISECONDS);
    if (ready <= 0) return;
    char bytes[256];
    if (crew->polled[jobs].revents) (void)!read(crew->ring->wake[0], bytes, sizeof bytes);
    for (int k = 0; k < jobs; k++)
        if (crew->polled[k].revents) hear(crew, &crew->workers[k]);
}

/* Takes the chunks that are there, from number *next on; the `end` chunk once it has come. */
static hp_chunk *take_chunks(hp_crew *crew, int64_t *next) {
    for (;; ++*next) {
        int slot = (int)(*next % crew->ring->count);
        hp_chunk *chunk = crew->taken[slot] ? NULL : hp_ring_peek(crew->ring, *next, HP_CHUNK_FILLED);
        if (!chunk || chunk->end) return chunk;
        take_chunk(crew, slot);
        if (chunk->rows == 0) finish_rows(crew, slot, 0);
    }
}

void hp_crew_deal(hp_crew *crew) {
    hp_ring *ring = crew->ring;
    hp_error error;
    for (int64_t next = 0; !hp_ring_is_stopped(ring);) {
        hp_chunk *end = take_chunks(crew, &next);
        if (end && crew->chunks_taken == 0) {
            hp_ring_pass(ring, end, HP_CHUNK_DONE);
            return;
        }
        hp_status status = start_workers(crew, &error);
        if (status != HP_OK) give_up(crew, status, &error);
        if (crew->status != HP_OK) {
            hp_ring_stop(ring, crew->status, &crew->error);
            return;
        }
        give_parts(crew);
        await_news(crew);
        if (ring->tell) ring->tell(ring->tell_context, crew->computed);
    }
}
