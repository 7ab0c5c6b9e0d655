%% A supervisor with agents as children: each is a gen_server that owns a port, which runs `sleep`. Reads `start ARGUMENT ...` and
%% `stop ARGUMENT ...` from standard input, where the argument of the sleep is the id of the child, and prints `done` after each.
-module(otp_agents).
-export([main/0, init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

main() ->
    ok = logger:set_primary_config(level, none),
    {ok, Supervisor} = supervisor:start_link(?MODULE, supervisor),
    io:format("ready~n"),
    loop(Supervisor, os:find_executable("sleep")).

loop(Supervisor, Sleep) ->
    case io:get_line("") of
        eof ->
            halt();
        Line ->
            [Word | Arguments] = string:lexemes(Line, " \n"),
            [ok = obey(Word, Supervisor, Sleep, Argument) || Argument <- Arguments],
            io:format("done~n"),
            loop(Supervisor, Sleep)
    end.

obey("start", Supervisor, Sleep, Argument) ->
    Start = {gen_server, start_link, [?MODULE, {Sleep, Argument}, []]},
    {ok, _} = supervisor:start_child(Supervisor, #{id => Argument, start => Start, restart => permanent}),
    ok;
obey("stop", Supervisor, _, Argument) ->
    supervisor:terminate_child(Supervisor, Argument).

init(supervisor) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 60}, []}};
init({Sleep, Argument}) ->
    process_flag(trap_exit, true),
    Port = open_port({spawn_executable, Sleep}, [{args, [Argument]}, exit_status]),
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    {ok, {Port, Pid}}.

handle_call(_, _, State) -> {reply, ok, State}.
handle_cast(_, State) -> {noreply, State}.

handle_info({Port, {exit_status, _}}, {Port, _} = State) -> {stop, exited, State};
handle_info(_, State) -> {noreply, State}.

%% OTP cannot send a signal: that is what kill(1) is for.
terminate(shutdown, {Port, Pid}) ->
    os:cmd("kill " ++ integer_to_list(Pid)),
    receive
        {Port, {exit_status, _}} -> ok
    end;
terminate(_, _) ->
    ok.
