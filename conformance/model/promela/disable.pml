/*
 * The disabling of an event callback and its calls in progress, read a third time.
 *
 * Written from two pages alone, and apart from the model (conformance/model) and from the emulator:
 *   [E] enabling-and-disabling-event-callback-functions.md
 *   [O] so-wsk-event-callback.md, "the WSK subsystem behaves as follows": bullets 1, 2 and 3
 * and from docs/time.md, which says how a provider's own steps lie between what a client sees. Where the two pages
 * leave something open, it is a choice here. promela_compare (compare_main.cc) compares the traces that this file
 * allows with those that the judge allows; docs/promela.md says how.
 *
 * One event callback function of one socket that is bound (and so ready to be enabled), at first disabled. Up to
 * EVENTS events, one call of the callback for each; a client that enables and disables, from a thread of its own and
 * from inside every running call; IRPS disables with an IRP and PLAINS without.
 *
 * Left out: several callbacks in one EventMask (each is disabled alone [O]), static callbacks ("always enabled" [E]),
 * inheritance from a listening socket, conditional accept, the rules on bind and connect, one call for several
 * events, several calls for one event, closing the socket.
 *
 * What follows from which sentence stands at the steps of act(), finish(), fail(), complete() and indication(). The
 * states of an event beyond OCCURRED .. GONE, and OPEN, are what the pages do not say.
 *
 * Built with BOUND it writes every trace of up to BOUND labels, each once: the trace is part of the state, so that no
 * two of them are merged. Built without, spin verifies the assertions below over all states; the client may make any
 * number of requests to enable, or at most ENABLES. PLANT_... plants a mistake, to see it found; WITNESS_... asserts
 * that something never happens which can.
 */

#define EVENTS 2
#define IRPS 2
#ifndef IRPS_USED
#define IRPS_USED IRPS
#endif
#ifndef PLAINS
#define PLAINS 3
#endif

/* What a trace shows. Thread 0 is the client's own; thread e is inside the call for event e. alphabet.cc has the same
 * numbers. */
#define ENABLE(w) (1 + w)                       /* WskControlSocket, enable, begins on thread w */
#define DISABLE(w) (4 + w)                      /* WskControlSocket, disable without an IRP, begins */
#define DISABLE_IRP(w) (7 + w)                  /* WskControlSocket, disable with the next IRP, begins */
#define RETURN(w, s) (10 + 4 * w + s)           /* the call on thread w returns status s */
#define EVENT 22                                /* the next event occurs */
#define BEGIN(e) (22 + e)                       /* the call for event e begins, as the client sees it */
#define END(e) (24 + e)                         /* and ends */
#define COMPLETE(k, s) (27 + 2 * (k - 1) + s)   /* IRP k (1 or 2) is completed: s is 0 for success, 1 for failure */
#define QUIET 31                                /* nothing is left to run; nothing comes until something happens */

/* Statuses of WskControlSocket. */
#define SUCCESS 0
#define PENDING 1
#define EVENT_PENDING 2
#define FAILURE 3 /* any error */

/* An event and its call. The call is in progress from the provider's commitment to its counting down. */
#define NONE 0
#define OCCURRED 1  /* not told of yet */
#define COMMITTED 2 /* the provider has decided to call; the client sees nothing yet */
#define RUNNING 3   /* the client is inside */
#define ENDED 4     /* the client has returned; the provider does not know yet */
#define GONE 5      /* told */
#define KEPT 6      /* may be told of while the callback is enabled, or never */
#define SHELVED 7   /* the same, after an enable */

/* A call of WskControlSocket on a thread. */
#define IDLE 0
#define ENABLING 1
#define DISABLING 2
#define RETURNING 3

/* A disable: 1 .. IRPS have an IRP, those above have none. */
#define UNUSED 0
#define CALLED 1
#define WAITING 2      /* pended */
#define OWES_SUCCESS 3 /* only the completion of the IRP is missing */
#define OWES_FAILURE 4
#define FINISHED 5

bool on;              /* the callback, to the provider */
bool still = true;    /* after QUIET, until something happens */
byte event[EVENTS + 1];
bool amid[EVENTS + 1]; /* a request was under way when it occurred */
byte call[3];
byte of_call[3];      /* the disable that the call is about */
byte status[3];
byte disable[6];
byte waits[6]; /* the calls that were in progress when it was pended: bit e - 1 for event e */
bool passed[6];       /* the callback was enabled again while it waited */
bool followed[6];     /* another request was made since it was called, or was under way then */
bool unsure[6];       /* pended where the pages do not say how it ends */
bool promised[6];     /* its call has returned STATUS_SUCCESS */
bool overlapped[3];   /* another request was under way during the call on the thread */
byte events, irps, plains;

#define IN_PROGRESS(e) (event[e] >= COMMITTED && event[e] <= ENDED)
#define ALL_IN_PROGRESS (IN_PROGRESS(1) | (IN_PROGRESS(2) << 1))
#define ANY_RUNNING (event[1] == RUNNING || event[2] == RUNNING)
#define WAITS(d) (disable[d] == WAITING && !promised[d])
#define ANY_WAITING (WAITS(1) || WAITS(2) || WAITS(3) || WAITS(4) || WAITS(5))
#define OWED(k) (disable[k] == OWES_SUCCESS || disable[k] == OWES_FAILURE)
/* A pended disable whose calls have all returned, but not yet noticed. */
#define DUE(d) (disable[d] == WAITING && (waits[d] & ALL_IN_PROGRESS) == 0)
#define ANY_OWED (OWED(1) || OWED(2) || DUE(1) || DUE(2) || DUE(3) || DUE(4) || DUE(5))
#define UNTOLD(e) (event[e] == OCCURRED && on && !ANY_WAITING)

#ifdef BOUND
/* The trace so far. START, LEAD labels each with a comma after it, is how every trace begins. */
byte shown[BOUND];
byte length;
hidden byte start[LEAD + 1] = {START 0};
#define CLIENT_MAY(l) (length < BOUND && (length >= LEAD || start[length] == (l)))
#define PROVIDER_MAY(l) (!still && CLIENT_MAY(l))
#define INSIDE_MAY (!still && length < BOUND)
#define SHOW(l)        \
  shown[length] = (l); \
  length++;            \
  c_code { store_trace(now.shown, now.length); }

c_decl {
\#include "trace_store.h"
};
#else
/* Verification: the client may fall silent for good, and then nothing may be owed at the end. */
bool silent;
byte running_before[IRPS + 1]; /* calls that the client saw running when it called disable with the IRP */
bool undisturbed[3];           /* no enable since the disable on this thread was called */
bool off;                      /* a disable has returned STATUS_SUCCESS, and no enable was called since */
byte completions[IRPS + 1];
#define CLIENT_MAY(l) (!silent)
#ifdef ENABLES
byte enables;
#define MORE_ENABLES (enables < ENABLES)
#endif
#define PROVIDER_MAY(l) (!still)
#define INSIDE_MAY (!still)
#define SHOW(l) skip
#endif

#ifndef MORE_ENABLES
#define MORE_ENABLES true
#endif
#define SEEN_RUNNING ((event[1] == RUNNING) | ((event[2] == RUNNING) << 1))

/* A request begins on thread w. */
inline request(w) {
  still = false;
  overlapped[w] = call[0] != IDLE || call[1] != IDLE || call[2] != IDLE;
  overlapped[0] = overlapped[0] || call[0] != IDLE;
  overlapped[1] = overlapped[1] || call[1] != IDLE;
  overlapped[2] = overlapped[2] || call[2] != IDLE;
  followed[1] = disable[1] == CALLED || disable[1] == WAITING;
  followed[2] = disable[2] == CALLED || disable[2] == WAITING
}

inline note_enable() {
#ifndef BOUND
#ifdef ENABLES
  enables++;
#endif
  off = false;
  undisturbed[0] = false;
  undisturbed[1] = false;
  undisturbed[2] = false
#else
  skip
#endif
}

inline note_disable(w, d) {
#ifndef BOUND
  undisturbed[w] = call[0] != ENABLING && call[1] != ENABLING && call[2] != ENABLING && returns_enable == 0;
  if
  :: d <= IRPS -> running_before[d] = SEEN_RUNNING
  :: else
  fi
#else
  skip
#endif
}

/* The client: calls made on thread _pid, at any time outside, and inside a call only while it runs. [E] and [O] allow
 * both to be called at any time, and again; [O]: an enable has no IRP, a disable may have one. */
#define CAN_CALL (call[_pid] == IDLE && (_pid == 0 || event[_pid] == RUNNING))

#ifndef BOUND
byte returns_enable; /* calls of enable that have acted and not returned */
#endif

active [3] proctype Thread() {
end:
  do
  :: atomic {
       CAN_CALL && MORE_ENABLES && CLIENT_MAY(ENABLE(_pid)) ->
       request(_pid);
       call[_pid] = ENABLING;
       note_enable();
       SHOW(ENABLE(_pid))
     }
  :: atomic {
       CAN_CALL && plains < PLAINS && CLIENT_MAY(DISABLE(_pid)) ->
       request(_pid);
       plains++;
       of_call[_pid] = IRPS + plains;
       disable[of_call[_pid]] = CALLED;
       note_disable(_pid, of_call[_pid]);
       call[_pid] = DISABLING;
       SHOW(DISABLE(_pid))
     }
  :: atomic {
       CAN_CALL && irps < IRPS_USED && CLIENT_MAY(DISABLE_IRP(_pid)) ->
       request(_pid);
       irps++;
       of_call[_pid] = irps;
       disable[of_call[_pid]] = CALLED;
       followed[of_call[_pid]] = overlapped[_pid];
       note_disable(_pid, of_call[_pid]);
       call[_pid] = DISABLING;
       SHOW(DISABLE_IRP(_pid))
     }
  :: atomic { /* the return of a call is the provider's: a silent client still sees it */
       call[_pid] == RETURNING && PROVIDER_MAY(RETURN(_pid, status[_pid])) ->
#ifndef BOUND
       if
       :: of_call[_pid] == 0 -> returns_enable--
       :: of_call[_pid] != 0 && status[_pid] == SUCCESS && undisturbed[_pid] ->
          off = true;
          assert(event[1] != COMMITTED && event[2] != COMMITTED)
       :: else
       fi;
#endif
       SHOW(RETURN(_pid, status[_pid]));
       call[_pid] = IDLE;
       of_call[_pid] = 0;
       status[_pid] = SUCCESS;
       overlapped[_pid] = false
     }
  :: atomic {
       _pid != 0 && event[_pid] == RUNNING && call[_pid] == IDLE && CLIENT_MAY(END(_pid)) ->
       event[_pid] = ENDED;
       still = false;
       SHOW(END(_pid))
     }
  od
}

/* Where the pages do not say how a disable ends. Their bullets speak of "the event callback function that is being
 * disabled": of one that is enabled, and of one request. */
#define OPEN(w) (!on || ANY_WAITING || overlapped[w])

inline unshelve(e) {
  if
  :: event[e] == SHELVED -> event[e] = KEPT
  :: else
  fi
}

inline forget(d) {
  waits[d] = 0;
  passed[d] = false;
  followed[d] = false;
  unsure[d] = false;
  promised[d] = false
}

/* Disabled and no call in progress: a disable without an IRP has nothing left to wait for. */
inline settle_plain(d) {
  if
  :: disable[d] == WAITING -> disable[d] = FINISHED; forget(d)
  :: else
  fi
}

/* The provider's part of WskControlSocket: one step, somewhere between the begin and the return of the call. */
inline act(w) {
  if
  :: call[w] == ENABLING -> /* [O], paragraph on enabling: any of the socket's callbacks can be */
     on = true;
     /* A disable that waits: [E] and [O] do not say which of the two has the last word. */
     passed[1] = (disable[1] == WAITING);
     passed[2] = (disable[2] == WAITING);
     passed[3] = (disable[3] == WAITING);
     passed[4] = (disable[4] == WAITING);
     passed[5] = (disable[5] == WAITING);
     unshelve(1);
     unshelve(2);
     status[w] = SUCCESS
  :: call[w] == ENABLING && (on || ANY_WAITING || overlapped[w]) -> /* neither speaks of enabling it again */
     unshelve(1);
     unshelve(2);
     status[w] = FAILURE
  :: call[w] == DISABLING && ALL_IN_PROGRESS == 0 -> /* [O] bullet 1 */
     on = false;
     status[w] = SUCCESS;
     settle_plain(3);
     settle_plain(4);
     settle_plain(5);
     if
     :: of_call[w] <= IRPS -> disable[of_call[w]] = OWES_SUCCESS
     :: else -> disable[of_call[w]] = FINISHED
     fi
  :: call[w] == DISABLING && ALL_IN_PROGRESS != 0 -> /* [O] bullets 2 and 3 */
#ifdef PLANT_NO_WAIT
     waits[of_call[w]] = 0;
#else
     waits[of_call[w]] = ALL_IN_PROGRESS;
#endif
     disable[of_call[w]] = WAITING;
     if
     :: of_call[w] <= IRPS -> status[w] = PENDING
     :: else -> status[w] = EVENT_PENDING
     fi
  :: call[w] == DISABLING && OPEN(w) -> /* an error; [E] frees the IRP in its completion routine alone */
     status[w] = FAILURE;
     if
     :: of_call[w] <= IRPS -> disable[of_call[w]] = OWES_FAILURE
     :: else -> disable[of_call[w]] = FINISHED
     fi
  :: call[w] == DISABLING && OPEN(w) && of_call[w] <= IRPS -> /* the same, later */
     status[w] = PENDING;
     waits[of_call[w]] = ALL_IN_PROGRESS;
     unsure[of_call[w]] = true;
     disable[of_call[w]] = WAITING
  :: call[w] == DISABLING && OPEN(w) && ALL_IN_PROGRESS != 0 && event[1] != COMMITTED &&
     event[2] != COMMITTED -> /* disabled already */
     on = false;
     status[w] = SUCCESS;
     if
     :: of_call[w] <= IRPS ->
        waits[of_call[w]] = ALL_IN_PROGRESS;
        promised[of_call[w]] = true;
        disable[of_call[w]] = WAITING
     :: else -> disable[of_call[w]] = FINISHED
     fi
  fi;
#ifndef BOUND
  if
  :: call[w] == ENABLING -> returns_enable++
  :: else
  fi;
#endif
  call[w] = RETURNING
}

/* [O] bullets 2 and 3: "disables the event callback function ... after all in-progress calls ... have returned". Whether
 * calls that came later are waited for is open: they may be, since this step may be late. */
inline finish(d) {
  if
  :: !promised[d] -> on = false
  :: passed[d] || promised[d] -> skip /* an enable that came later has the last word */
  fi;
  if
  :: d <= IRPS -> disable[d] = OWES_SUCCESS
  :: else -> disable[d] = FINISHED
  fi;
  forget(d)
}

/* A failure of a pended disable: open, like its outcome, after a further request. It may have been disabled before. */
inline fail(d) {
  if
  :: on = false
  :: skip
  fi;
  disable[d] = OWES_FAILURE;
  forget(d)
}

inline complete(k) {
#ifndef BOUND
  completions[k]++;
  assert(completions[k] == 1);
  assert(disable[k] != OWES_SUCCESS || (running_before[k] & SEEN_RUNNING) == 0);
#ifdef WITNESS_WAITED
  assert(disable[k] != OWES_SUCCESS || running_before[k] == 0);
#endif
  running_before[k] = 0;
#endif
#ifndef PLANT_TWICE
  disable[k] = FINISHED
#else
  if
  :: disable[k] = FINISHED
  :: skip
  fi
#endif
}

/* [E]: an enabled callback function is called when its event occurs. A disable that waits has not disabled it yet, so new
 * calls may begin; it may as well have stopped them. What becomes of an event that occurs while it is disabled is open. */
inline indication(e) {
  if
#ifndef PLANT_STILL_ENABLED
  :: (event[e] == OCCURRED || event[e] == KEPT) && on && INSIDE_MAY -> event[e] = COMMITTED
#else
  :: (event[e] == OCCURRED || event[e] == KEPT) && INSIDE_MAY -> event[e] = COMMITTED
#endif
  :: event[e] == OCCURRED && (!on || ANY_WAITING || amid[e]) && INSIDE_MAY ->
     event[e] = KEPT;
     amid[e] = false
  :: event[e] == COMMITTED && PROVIDER_MAY(BEGIN(e)) ->
     event[e] = RUNNING;
     amid[e] = false;
#ifndef BOUND
     assert(!off);
#ifdef WITNESS_BEGIN_WHILE_WAITING
     assert(!ANY_WAITING);
#endif
#endif
     SHOW(BEGIN(e))
  :: event[e] == COMMITTED && INSIDE_MAY -> /* no call after all; the next would be another */
     event[e] = OCCURRED;
     waits[1] = waits[1] & ~(1 << (e - 1));
     waits[2] = waits[2] & ~(1 << (e - 1));
     waits[3] = waits[3] & ~(1 << (e - 1));
     waits[4] = waits[4] & ~(1 << (e - 1));
     waits[5] = waits[5] & ~(1 << (e - 1))
  :: event[e] == ENDED && INSIDE_MAY -> event[e] = GONE
  fi
}

#define MAY_FAIL(d) (disable[d] == WAITING && (followed[d] || unsure[d]) && !promised[d])

active proctype Provider() {
end:
  do
  :: atomic { (call[0] == ENABLING || call[0] == DISABLING) && INSIDE_MAY -> act(0) }
  :: atomic { (call[1] == ENABLING || call[1] == DISABLING) && INSIDE_MAY -> act(1) }
  :: atomic { (call[2] == ENABLING || call[2] == DISABLING) && INSIDE_MAY -> act(2) }
  :: atomic { indication(1) }
  :: atomic { indication(2) }
#ifndef PLANT_NEVER_FINISHES
  :: atomic { DUE(1) && INSIDE_MAY -> finish(1) }
#endif
  :: atomic { DUE(2) && INSIDE_MAY -> finish(2) }
  :: atomic { MAY_FAIL(1) && INSIDE_MAY -> fail(1) }
  :: atomic { MAY_FAIL(2) && INSIDE_MAY -> fail(2) }
  :: atomic { DUE(3) && INSIDE_MAY -> finish(3) }
  :: atomic { DUE(4) && INSIDE_MAY -> finish(4) }
  :: atomic { DUE(5) && INSIDE_MAY -> finish(5) }
  :: atomic { disable[1] == OWES_SUCCESS && PROVIDER_MAY(COMPLETE(1, 0)) -> complete(1); SHOW(COMPLETE(1, 0)) }
  :: atomic { disable[1] == OWES_FAILURE && PROVIDER_MAY(COMPLETE(1, 1)) -> complete(1); SHOW(COMPLETE(1, 1)) }
  :: atomic { disable[2] == OWES_SUCCESS && PROVIDER_MAY(COMPLETE(2, 0)) -> complete(2); SHOW(COMPLETE(2, 0)) }
  :: atomic { disable[2] == OWES_FAILURE && PROVIDER_MAY(COMPLETE(2, 1)) -> complete(2); SHOW(COMPLETE(2, 1)) }
  od
}

/* docs/time.md, "Quiescence": no call of WskControlSocket is under way, and no call of the callback on its way in or out.
 * What is owed is there, unless a call is held, in which the provider may be unable to go on. */
#define CAN_BE_QUIET                                                                                              \
  (call[0] == IDLE && call[1] == IDLE && call[2] == IDLE && event[1] != COMMITTED && event[2] != COMMITTED &&     \
   event[1] != ENDED && event[2] != ENDED && (ANY_RUNNING || !(ANY_OWED || UNTOLD(1) || UNTOLD(2))))

/* What is quiet while the callback is enabled does not come by itself. */
inline shelve(e) {
  if
  :: event[e] == KEPT && !ANY_RUNNING -> event[e] = SHELVED
  :: else
  fi
}

active proctype World() {
end:
  do
  :: atomic {
       events < EVENTS && CLIENT_MAY(EVENT) ->
       events++;
       event[events] = OCCURRED;
       amid[events] = call[0] != IDLE || call[1] != IDLE || call[2] != IDLE;
       still = false;
       SHOW(EVENT)
     }
  :: atomic {
       !still && CAN_BE_QUIET && CLIENT_MAY(QUIET) ->
       shelve(1);
       shelve(2);
       still = true;
       SHOW(QUIET)
     }
#ifndef BOUND
  :: atomic { !silent -> silent = true; still = false }
  :: atomic { timeout && silent -> 
#ifdef WITNESS_OFF_AT_THE_END
       assert(!off);
#endif
       /* Nothing can run: nothing is owed, and what still waits, waits for a call that the client is inside of. */
       assert(CAN_BE_QUIET && !ANY_OWED);
       assert((disable[1] != WAITING || (waits[1] & SEEN_RUNNING) != 0) && (disable[2] != WAITING || (waits[2] & SEEN_RUNNING) != 0));
       break
      }
#endif
  od
}
