# SPDX-License-Identifier: MIT
"""Streams, datagrams, threads and children, the same in any company; then an address that the policy may refuse."""
import os
import select
import socket
import subprocess
import sys
import threading

HOST = '127.0.0.1'


def show(*words):
    print(*words, flush=True)


def streams():
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen(8)
    port = server.getsockname()[1]

    def client(text):
        with socket.create_connection((HOST, port), 5) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            answers.append(connection.makefile('rb').read())

    answers = []
    threads = [threading.Thread(target=client, args=(b'text %d' % i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for _ in threads:
        connection, peer = server.accept()
        with connection:
            show('peer', peer[0])
            connection.sendall(connection.makefile('rb').read() + b' back')
    for thread in threads:
        thread.join()
    show('streams', sorted(answers))


def datagrams():
    one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    one.bind((HOST, 0))
    two.bind((HOST, 0))
    show('sent', one.sendto(b'datagram', two.getsockname()))
    show('readable', [each is two for each in select.select([two], [], [], 5)[0]])
    text, source = two.recvfrom(100)
    show('datagram', text, source == one.getsockname())
    two.connect(one.getsockname())
    two.send(b'answer')
    poll = select.poll()
    poll.register(one, select.POLLIN)
    show('poll', [event for _, event in poll.poll(5000)], one.recvmsg(100)[0])


def local():
    one, two = socket.socketpair()
    child = os.fork()
    if child == 0:
        two.sendall(b'from the child')
        os._exit(3)
    show('pair', one.recv(100), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def reach(address):
    """What a policy may refuse."""
    for kind, name, call in (socket.SOCK_STREAM, 'connect', lambda fd: fd.connect(address)), (
            socket.SOCK_DGRAM, 'sendto', lambda fd: fd.sendto(b'x', address)):
        with socket.socket(socket.AF_INET, kind) as fd:
            fd.settimeout(5)
            try:
                call(fd)
                show(f'here: {name}: done')
            except OSError as error:
                show(f'here: {name}: {error.strerror}')


def children():
    own = os.environ.get('LD_PRELOAD')
    text = 'import os; print(os.environ.get("LD_PRELOAD"))'
    child = subprocess.run([sys.executable, '-c', text], stdout=subprocess.PIPE, check=False).stdout.decode().strip()
    show('child keeps', child == str(own))
    show('system', os.waitstatus_to_exitcode(os.system('exit 4')), os.popen('echo popen').read().strip())
    show('spawn', subprocess.run(['ls', '/etc/hostname'], stdout=subprocess.PIPE, check=False).stdout)


streams()
datagrams()
local()
children()
reach((sys.argv[1], int(sys.argv[2])))
show('end')
