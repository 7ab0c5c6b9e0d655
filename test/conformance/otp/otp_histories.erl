%% Lives through histories with a real supervisor of OTP and prints what it did.
%%
%% Input, on standard input: a line `history STRATEGY INTENSITY AUTO_SHUTDOWN CHILD ...` (a child is `a:transient!`, `!` for significant) and
%% a line for each step. Output: the same lines, each with ` | ` and what was seen once nothing went on any more:
%% `STATE [+a | -a ...]; CALL ANSWER, ...; CHILD PHASE, ...; SPECS/ACTIVE`; of the calls, numbered from 1, those whose answer has changed. The state is `busy` while the supervisor waits for the start or the stop of
%% a child (then it answers no questions, and the last two parts are missing), `idle`, or the reason of its end.
%%
%% Nothing depends on time. A child is up, or gone, when a step says so: its start and its stop wait for that. Calls are sent by this process
%% itself, as gen_server does it, so that they reach the supervisor in order; and there is one scheduler (`erl +S 1:1`) on which all others come
%% before this process: when it goes on after a yield, they have done what they could.
-module(otp_histories).
-behaviour(supervisor).
-export([main/0, init/1, start_child/2, child_init/2]).

-define(QUIET, 20).

-record(world, {
    parent,
    supervisor = none,
    state = booting,
    children = #{},
    log = [],
    answers = [],
    shown = []
}).

main() ->
    logger:set_primary_config(level, none),
    io:setopts([binary, {encoding, utf8}]),
    live(none),
    halt(0).

live(World) ->
    case io:get_line("") of
        eof ->
            finish(World);
        Line ->
            Text = string:trim(Line),
            live(live(string:lexemes(binary_to_list(Text), " "), Text, World))
    end.

live([], _, World) ->
    World;
live(["history" | Words], Text, World) ->
    finish(World),
    show(Text, begin_history(Words));
live(Words, Text, World) ->
    show(Text, settle(step(Words, World))).

%% The world of one history

begin_history([Strategy, Intensity, AutoShutdown | Children]) ->
    Flags = #{
        strategy => list_to_atom(Strategy),
        intensity => list_to_integer(Intensity),
        period => 1000000,
        auto_shutdown => list_to_atom(AutoShutdown)
    },
    Driver = self(),
    Specs = [spec(Driver, Child) || Child <- Children],
    Parent = spawn_opt(fun() -> parent(Driver, {Flags, Specs}) end, [{priority, high}]),
    settle(take_first(#world{parent = Parent})).

finish(none) ->
    ok;
finish(#world{parent = Parent, supervisor = Supervisor, children = Children}) ->
    Pids = [Parent, Supervisor | [Pid || {Pid, _} <- maps:values(Children)]],
    References = [kill(Pid) || Pid <- Pids, is_pid(Pid)],
    [receive {'DOWN', Reference, _, _, _} -> ok end || Reference <- References],
    flush().

kill(Pid) ->
    Reference = monitor(process, Pid),
    exit(Pid, kill),
    Reference.

flush() ->
    receive _ -> flush() after 0 -> ok end.

spec(Driver, Text) ->
    {Id, Restart, Significant} = child(Text),
    #{
        id => Id,
        start => {?MODULE, start_child, [Driver, Id]},
        restart => Restart,
        significant => Significant,
        shutdown => infinity
    }.

child(Text) ->
    [Id, Restart] = string:lexemes(Text, ":!"),
    {Id, list_to_atom(Restart), lists:last(Text) =:= $!}.

%% The process that the supervisor is linked to

parent(Driver, Arguments) ->
    process_flag(trap_exit, true),
    case supervisor:start_link(?MODULE, Arguments) of
        {ok, Supervisor} ->
            Driver ! {booted, Supervisor},
            parent_loop(Driver, Supervisor);
        {error, Reason} ->
            Driver ! {ended, Reason}
    end.

parent_loop(Driver, Supervisor) ->
    receive
        halt ->
            exit(Supervisor, shutdown),
            parent_loop(Driver, Supervisor);
        {'EXIT', Supervisor, Reason} ->
            Driver ! {ended, Reason}
    end.

init(Arguments) ->
    process_flag(priority, high),
    {ok, Arguments}.

%% A child

start_child(Driver, Id) ->
    proc_lib:start_link(?MODULE, child_init, [Driver, Id], infinity, [{priority, high}]).

child_init(Driver, Id) ->
    process_flag(trap_exit, true),
    [Supervisor | _] = get('$ancestors'),
    Driver ! {started, Id, self(), Supervisor},
    receive
        ready ->
            proc_lib:init_ack({ok, self()}),
            child_loop(Driver, Id, Supervisor);
        fail ->
            exit(failed)
    end.

child_loop(Driver, Id, Supervisor) ->
    receive
        {'EXIT', Supervisor, shutdown} ->
            Driver ! {stopping, Id, self()},
            receive
                {exit, Reason} -> exit(Reason)
            end;
        {exit, Reason} ->
            exit(Reason)
    end.

%% Steps. One about a child that does not live does nothing: the two have differed before

step(["ready", Id], World) -> tell(Id, ready, World);
step(["fail", Id], World) -> gone(Id, fail, World);
step(["gone", Id, Reason], World) -> gone(Id, {exit, reason(Reason)}, World);
step(["exit", Id, Reason], World) -> gone(Id, {exit, reason(Reason)}, World);
step(["add", Child], World) -> call({start_child, spec(self(), Child)}, World);
step(["terminate", Id], World) -> call({terminate_child, Id}, World);
step(["restart", Id], World) -> call({restart_child, Id}, World);
step(["delete", Id], World) -> call({delete_child, Id}, World);
step(["halt"], World = #world{parent = Parent}) ->
    Parent ! halt,
    World.

reason("normal") -> normal;
reason("shutdown") -> shutdown;
reason("abnormal") -> abnormal.

tell(Id, Message, World = #world{children = Children}) ->
    case Children of
        #{Id := {Pid, starting}} ->
            Pid ! Message,
            World#world{children = Children#{Id => {Pid, up}}};
        _ ->
            World
    end.

gone(Id, Message, World = #world{children = Children}) ->
    case Children of
        #{Id := {Pid, Phase}} when (Phase =:= starting) =:= (Message =:= fail) ->
            Reference = monitor(process, Pid),
            Pid ! Message,
            receive {'DOWN', Reference, _, _, _} -> ok end,
            World#world{children = maps:remove(Id, Children)};
        _ ->
            World
    end.

call(Request, World = #world{supervisor = Supervisor, answers = Answers}) ->
    Reference = make_ref(),
    case is_pid(Supervisor) of
        true -> Supervisor ! {'$gen_call', {self(), Reference}, Request};
        false -> ok
    end,
    World#world{answers = Answers ++ [{Reference, first_answer(World)}]}.

first_answer(#world{state = State}) when is_list(State) -> ended;
first_answer(_) -> pending.

%% Lets all others do what they can: they have a higher priority than this process, which goes on when all of them wait. Several turns, since
%% a process that dies, or whose garbage is collected, may leave its scheduler for a moment

settle(World) ->
    settle(World, ?QUIET).

settle(World, 0) ->
    World;
settle(World, Turns) ->
    erlang:yield(),
    case take(World) of
        World -> settle(World, Turns - 1);
        Changed -> settle(Changed, ?QUIET)
    end.

%% The supervisor has its priority once its first child is starting, or it has booted without one
take_first(World) ->
    receive
        Message -> take(Message, World)
    end.

take(World) ->
    receive
        Message -> take(take(Message, World))
    after 0 -> World
    end.

take({started, Id, Pid, Supervisor}, World = #world{children = Children, log = Log}) ->
    World#world{supervisor = Supervisor, children = Children#{Id => {Pid, starting}}, log = Log ++ ["+" ++ Id]};
take({stopping, Id, Pid}, World = #world{children = Children, log = Log}) ->
    World#world{children = Children#{Id => {Pid, stopping}}, log = Log ++ ["-" ++ Id]};
take({booted, Supervisor}, World) ->
    World#world{supervisor = Supervisor, state = running};
take({ended, {shutdown, {failed_to_start_child, _, _}}}, World) ->
    ended("start-failed", World);
take({ended, Reason}, World) ->
    ended(atom_to_list(Reason), World);
take({Reference, Reply}, World = #world{answers = Answers}) ->
    World#world{answers = lists:keyreplace(Reference, 1, Answers, {Reference, answer(Reply)})}.

ended(Reason, World = #world{answers = Answers}) ->
    Closed = [{Reference, case Answer of pending -> ended; _ -> Answer end} || {Reference, Answer} <- Answers],
    World#world{supervisor = none, state = Reason, answers = Closed}.

answer(ok) -> ok;
answer({ok, _}) -> ok;
answer({error, not_found}) -> 'NOT_FOUND';
answer({error, running}) -> 'RUNNING';
answer({error, restarting}) -> 'RESTARTING';
answer({error, already_present}) -> 'ALREADY_PRESENT';
answer({error, {already_started, _}}) -> 'ALREADY_STARTED';
answer({error, _}) -> 'START_FAILED'.

%% What was seen

show(Text, World = #world{log = Log, answers = Answers, shown = Shown}) ->
    State = state(World),
    Numbered = lists:enumerate([Answer || {_, Answer} <- Answers]),
    Words = [io_lib:format("~p ~s", [Number, Answer]) || {Number, Answer} <- Numbered -- Shown],
    Seen = [lists:join(" ", [State | Log]), lists:join(", ", Words) | rows(State, World)],
    io:put_chars([Text, " | ", lists:join("; ", Seen), "\n"]),
    World#world{log = [], shown = Numbered}.

state(#world{state = State}) when is_list(State) -> State;
state(#world{state = State, children = Children}) ->
    Moving = [Id || {Id, {_, Phase}} <- maps:to_list(Children), Phase =/= up],
    case State =:= booting orelse Moving =/= [] of
        true -> "busy";
        false -> "idle"
    end.

rows("idle", #world{supervisor = Supervisor}) ->
    Rows = [[Id, " ", phase(Pid)] || {Id, Pid, _, _} <- supervisor:which_children(Supervisor)],
    Counts = supervisor:count_children(Supervisor),
    Count = io_lib:format("~p/~p", [proplists:get_value(specs, Counts), proplists:get_value(active, Counts)]),
    [lists:join(", ", Rows), Count];
rows(_, _) ->
    [].

phase(undefined) -> "down";
phase(restarting) -> "restarting";
phase(_) -> "up".
