%% Lives through histories with a real supervisor of OTP and prints what it did.
%%
%% Input, on standard input: a line `history STRATEGY INTENSITY AUTO_SHUTDOWN CHILD ...` and a line for each step. A child is
%% `a:transient!`, `!` for significant; a supervisor is `a:transient!=STRATEGY/INTENSITY/AUTO_SHUTDOWN/x:permanent,y:temporary`, and a
%% simple_one_for_one supervisor `a:transient!=pool/INTENSITY/transient`. What is below another supervisor is named by its path: `a/x`; the children
%% of a pool have numbers, which the step that adds one gives: `add a/1`. Output: the same lines, each with ` | ` and what was seen once nothing went on any more:
%% `STATE [+a | -a ...]; CALL ANSWER, ...; CHILD PHASE, ...; SPECS/ACTIVE`; of the calls, numbered from 1, those whose answer has changed. The state is `busy` while the supervisor waits for the start or the stop of
%% a child (then it answers no questions, and the last two parts are missing), `idle`, or the reason of its end.
%%
%% Nothing depends on time. A child is up, or gone, when a step says so: its start and its stop wait for that. Calls are sent by this process
%% itself, as gen_server does it, so that they reach the supervisor in order; and there is one scheduler (`erl +S 1:1`) on which all others come
%% before this process: when it goes on after a yield, they have done what they could.
-module(otp_histories).
-behaviour(supervisor).
-export([main/0, init/1, start_child/2, start_child/3, child_init/2]).

-define(QUIET, 20).

-record(world, {
    parent,
    %% By path; that of the root is empty.
    supervisors = #{},
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
    Driver = self(),
    Arguments = {Driver, "", flags(Strategy, Intensity, AutoShutdown), [spec(Driver, "", Child) || Child <- Children]},
    Parent = spawn_opt(fun() -> parent(Driver, Arguments) end, [{priority, high}]),
    settle(take_first(#world{parent = Parent})).

finish(none) ->
    ok;
finish(#world{parent = Parent, supervisors = Supervisors, children = Children}) ->
    Pids = [Parent | maps:values(Supervisors) ++ [Pid || {Pid, _} <- maps:values(Children)]],
    References = [kill(Pid) || Pid <- Pids],
    [receive {'DOWN', Reference, _, _, _} -> ok end || Reference <- References],
    flush().

kill(Pid) ->
    Reference = monitor(process, Pid),
    exit(Pid, kill),
    Reference.

flush() ->
    receive _ -> flush() after 0 -> ok end.

flags(Strategy, Intensity, AutoShutdown) ->
    #{
        strategy => list_to_atom(Strategy),
        intensity => list_to_integer(Intensity),
        period => 1000000,
        auto_shutdown => list_to_atom(AutoShutdown)
    }.

spec(Driver, Above, Text) ->
    [Child | Below] = string:split(Text, "="),
    [Id, Restart] = string:lexemes(Child, ":!"),
    Path = Above ++ Id,
    Spec = #{
        id => Id,
        restart => list_to_atom(Restart),
        significant => lists:last(Child) =:= $!,
        shutdown => infinity
    },
    case Below of
        [] ->
            Spec#{start => {?MODULE, start_child, [Driver, Path]}};
        [Supervisor] ->
            Arguments = below(Driver, Path, string:split(Supervisor, "/", all)),
            Spec#{start => {supervisor, start_link, [?MODULE, Arguments]}, type => supervisor}
    end.

below(Driver, Path, ["pool", Intensity, Restart]) ->
    Template = #{
        id => instance,
        start => {?MODULE, start_child, [Driver, Path]},
        restart => list_to_atom(Restart),
        shutdown => infinity
    },
    {Driver, Path, flags("simple_one_for_one", Intensity, "never"), [Template]};
below(Driver, Path, [Strategy, Intensity, AutoShutdown, Children]) ->
    Specs = [spec(Driver, Path ++ "/", Child) || Child <- string:lexemes(Children, ",")],
    {Driver, Path, flags(Strategy, Intensity, AutoShutdown), Specs}.

%% The process that the supervisor is linked to

parent(Driver, Arguments) ->
    process_flag(trap_exit, true),
    case supervisor:start_link(?MODULE, Arguments) of
        {ok, Supervisor} ->
            Driver ! booted,
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

init({Driver, Path, Flags, Specs}) ->
    process_flag(priority, high),
    Driver ! {supervisor, Path, self()},
    {ok, {Flags, Specs}}.

%% A child

start_child(Driver, Pool, Number) ->
    start_child(Driver, Pool ++ "/" ++ Number).

start_child(Driver, Id) ->
    proc_lib:start_link(?MODULE, child_init, [Driver, Id], infinity, [{priority, high}]).

child_init(Driver, Id) ->
    process_flag(trap_exit, true),
    [Supervisor | _] = get('$ancestors'),
    Driver ! {started, Id, self()},
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
step(["add", Child], World) -> call(Child, fun(Id) -> addition(Id, Child, World) end, World);
step(["terminate", Path], World) -> call(Path, fun(Id) -> {terminate_child, known(Id, Path, World)} end, World);
step(["restart", Path], World) -> call(Path, fun(Id) -> {restart_child, Id} end, World);
step(["delete", Path], World) -> call(Path, fun(Id) -> {delete_child, Id} end, World);
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

%% An instance of a pool has its number as the last part of its path, and is known to the pool by its pid.
addition(Id, Child, _) ->
    case string:to_integer(Id) of
        {error, _} -> {start_child, spec(self(), above(Child), Id)};
        _ -> {start_child, [Id]}
    end.

known(Id, Path, #world{children = Children}) ->
    case {string:to_integer(Id), Children} of
        {{error, _}, _} -> Id;
        {_, #{Path := {Pid, _}}} -> Pid
    end.

call(Path, Request, World = #world{supervisors = Supervisors, answers = Answers}) ->
    Supervisor = maps:get(string:trim(above(Path), trailing, "/"), Supervisors),
    Reference = make_ref(),
    Supervisor ! {'$gen_call', {self(), Reference}, Request(last(Path))},
    World#world{answers = Answers ++ [{Reference, pending, Supervisor}]}.

%% `a/` and `x:permanent` of `a/x:permanent`. What stands behind an equals sign is not part of the path.
above(Path) ->
    lists:sublist(Path, length(Path) - length(last(Path))).

last(Path) ->
    [Name | Below] = string:split(Path, "="),
    lists:append(lists:join("=", [lists:last(string:split(Name, "/", all)) | Below])).

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

take({supervisor, Path, Pid}, World = #world{supervisors = Supervisors}) ->
    World#world{supervisors = Supervisors#{Path => Pid}};
take({started, Id, Pid}, World = #world{children = Children, log = Log}) ->
    World#world{children = Children#{Id => {Pid, starting}}, log = Log ++ ["+" ++ Id]};
take({stopping, Id, Pid}, World = #world{children = Children, log = Log}) ->
    World#world{children = Children#{Id => {Pid, stopping}}, log = Log ++ ["-" ++ Id]};
take(booted, World) ->
    World#world{state = running};
take({ended, {shutdown, {failed_to_start_child, _, _}}}, World) ->
    World#world{state = "start-failed"};
take({ended, Reason}, World) ->
    World#world{state = atom_to_list(Reason)};
take({Reference, Reply}, World = #world{answers = Answers}) ->
    {_, _, Supervisor} = lists:keyfind(Reference, 1, Answers),
    World#world{answers = lists:keyreplace(Reference, 1, Answers, {Reference, answer(Reply), Supervisor})}.

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
    Numbered = lists:enumerate([heard(Answer) || Answer <- Answers]),
    Words = [io_lib:format("~p ~s", [Number, Answer]) || {Number, Answer} <- Numbered -- Shown],
    Seen = [lists:join(" ", [State | by_supervisor(Log)]), lists:join(", ", Words) | rows(State, World)],
    io:put_chars([Text, " | ", lists:join("; ", Seen), "\n"]),
    World#world{log = [], shown = Numbered}.

%% Supervisors do not wait for each other: what they do in one step has an order for each of them only; and a pool stops its children in any order
by_supervisor(Log) ->
    [Step || {_, Step} <- lists:keysort(1, [{{above(Path), place(Step)}, Step} || Step = [_ | Path] <- Log])].

place([Sign | Path]) ->
    case string:to_integer(last(Path)) of
        {Number, _} when is_integer(Number), Sign =:= $- -> Number;
        _ -> 0
    end.

%% A supervisor that has ended answers no more
heard({_, pending, Supervisor}) ->
    case is_process_alive(Supervisor) of
        true -> pending;
        false -> ended
    end;
heard({_, Answer, _}) ->
    Answer.

state(#world{state = State}) when is_list(State) -> State;
state(#world{state = State, children = Children}) ->
    Moving = [Id || {Id, {_, Phase}} <- maps:to_list(Children), Phase =/= up],
    case State =:= booting orelse Moving =/= [] of
        true -> "busy";
        false -> "idle"
    end.

rows("idle", World = #world{supervisors = Supervisors}) ->
    Alive = [{Path, Pid} || {Path, Pid} <- lists:sort(maps:to_list(Supervisors)), is_process_alive(Pid)],
    lists:append([rows_of(Path, Pid, World) || {Path, Pid} <- Alive]);
rows(_, _) ->
    [].

rows_of(Path, Supervisor, World) ->
    Rows = [row(Path, Row, World) || Row <- supervisor:which_children(Supervisor)],
    Counts = supervisor:count_children(Supervisor),
    Count = io_lib:format("~p/~p", [proplists:get_value(specs, Counts), proplists:get_value(active, Counts)]),
    Head = case Path of "" -> ""; _ -> Path ++ ": " end,
    [[Head | lists:join(", ", in_order(Rows))], Count].

%% Those of a pool have no order
in_order(Rows = [{_, _} | _]) -> [Text || {_, Text} <- lists:sort(Rows)];
in_order(Rows) -> Rows.

row(_, {undefined, Pid, _, _}, #world{children = Children}) ->
    [Path] = [Path || {Path, {Other, _}} <- maps:to_list(Children), Other =:= Pid],
    {list_to_integer(last(Path)), [last(Path), " ", phase(Pid)]};
row(_, {Id, Pid, _, _}, _) ->
    [Id, " ", phase(Pid)].

phase(undefined) -> "down";
phase(restarting) -> "restarting";
phase(_) -> "up".
