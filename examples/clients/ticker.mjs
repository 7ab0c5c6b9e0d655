// What the clients of this folder spawn: it counts on standard output until it is stopped.
let number = 0;
setInterval(() => console.log(`tick ${++number}`), 200);
