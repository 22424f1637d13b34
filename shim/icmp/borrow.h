/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of the program that another thread may close, and use their number again, in the middle of our work: a
 * receive would then take what is another socket's.
 */
#ifndef SOCKADE_SHIM_ICMP_BORROW_H
#define SOCKADE_SHIM_ICMP_BORROW_H

/*
 * The same file under a number of our own; `fd` itself where no other thread is there, or no number is to be had. What
 * the file is has to be looked at under the number that is returned. errno is preserved, as in the next.
 */
int descriptor_borrow(int fd);
void descriptor_return(int borrowed, int fd);

#endif
