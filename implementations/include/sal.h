// Source annotations. Microsoft's compiler checks them; here they mean nothing and vanish, so that annotated
// client sources compile. The older form (__in, __out, ...) exists in C only: those words are identifiers of
// libstdc++.
#ifndef WSKCERT_INCLUDE_SAL_H_
#define WSKCERT_INCLUDE_SAL_H_

#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _In_reads_(s)
#define _In_reads_opt_(s)
#define _In_reads_z_(s)
#define _In_reads_or_z_(s)
#define _In_reads_bytes_(s)
#define _In_reads_bytes_opt_(s)
#define _In_range_(l, h)
#define _In_bytecount_(s)
#define _In_count_(s)
#define _In_function_class_(c)
#define _Out_
#define _Out_opt_
#define _Out_writes_(s)
#define _Out_writes_opt_(s)
#define _Out_writes_z_(s)
#define _Out_writes_opt_z_(s)
#define _Out_writes_all_(s)
#define _Out_writes_all_opt_(s)
#define _Out_writes_to_(s, c)
#define _Out_writes_to_opt_(s, c)
#define _Out_writes_bytes_(s)
#define _Out_writes_bytes_opt_(s)
#define _Out_writes_bytes_all_(s)
#define _Out_writes_bytes_to_(s, c)
#define _Out_writes_bytes_to_opt_(s, c)
#define _Out_range_(l, h)
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _Outptr_opt_result_maybenull_
#define _Outptr_result_buffer_(s)
#define _Outptr_result_bytebuffer_(s)
#define _Outptr_result_nullonfailure_
#define _Inout_
#define _Inout_opt_
#define _Inout_z_
#define _Inout_updates_(s)
#define _Inout_updates_opt_(s)
#define _Inout_updates_z_(s)
#define _Inout_updates_all_(s)
#define _Inout_updates_to_(s, c)
#define _Inout_updates_bytes_(s)
#define _Inout_updates_bytes_opt_(s)
#define _Inout_updates_bytes_to_(s, c)
#define _Inout_opt_bytecount_(s)
#define _Reserved_
#define _Const_
#define _Null_
#define _Notnull_
#define _Maybenull_
#define _Field_size_(s)
#define _Field_size_opt_(s)
#define _Field_size_full_(s)
#define _Field_size_part_(s, c)
#define _Field_size_bytes_(s)
#define _Field_size_bytes_opt_(s)
#define _Field_size_bytes_full_(s)
#define _Field_size_bytes_part_(s, c)
#define _Field_z_
#define _Field_range_(l, h)
#define _Struct_size_bytes_(s)
#define _Pre_
#define _Pre_notnull_
#define _Pre_maybenull_
#define _Pre_satisfies_(e)
#define _Pre_opt_valid_
#define _Pre_valid_
#define _Pre_writable_byte_size_(s)
#define _Pre_readable_byte_size_(s)
#define _Post_
#define _Post_invalid_
#define _Post_ptr_invalid_
#define _Post_maybenull_
#define _Post_notnull_
#define _Post_satisfies_(e)
#define _Post_valid_
#define _Post_writable_byte_size_(s)
#define _Post_equal_to_(e)
#define _Post_maybez_
#define _Post_z_
#define _Post_defensive_
#define _Prepost_z_
#define _Ret_maybenull_
#define _Ret_notnull_
#define _Ret_null_
#define _Ret_valid_
#define _Ret_opt_
#define _Ret_z_
#define _Ret_range_(l, h)
#define _Ret_writes_(s)
#define _Ret_writes_bytes_(s)
#define _Ret_writes_bytes_maybenull_(s)
#define _Deref_out_
#define _Deref_opt_out_
#define _Deref_out_range_(l, h)
#define _Deref_in_range_(l, h)
#define _Deref_pre_maybenull_
#define _Deref_post_maybenull_
#define _Deref_post_notnull_
#define _Deref_prepost_z_
#define _At_(t, a)
#define _At_buffer_(b, i, c, a)
#define _When_(e, a)
#define _Group_(a)
#define _Success_(e)
#define _On_failure_(a)
#define _Always_(a)
#define _Return_type_success_(e)
#define _Check_return_
#define _Must_inspect_result_
#define _Printf_format_string_
#define _Use_decl_annotations_
#define _Unchanged_(e)
#define _Old_(e)
#define _Analysis_assume_(e)
#define _Analysis_assume_lock_held_(l)
#define _Analysis_assume_lock_not_held_(l)
#define _Analysis_assume_nullterminated_(x)
#define _Analysis_mode_(m)
#define _Analysis_noreturn_
#define _Null_terminated_
#define _NullNull_terminated_
#define _Points_to_data_
#define _Interlocked_operand_
#define _Requires_lock_held_(l)
#define _Requires_lock_not_held_(l)
#define _Requires_exclusive_lock_held_(l)
#define _Requires_shared_lock_held_(l)
#define _Requires_no_locks_held_
#define _Acquires_lock_(l)
#define _Acquires_nonreentrant_lock_(l)
#define _Acquires_exclusive_lock_(l)
#define _Acquires_shared_lock_(l)
#define _Releases_lock_(l)
#define _Releases_nonreentrant_lock_(l)
#define _Releases_exclusive_lock_(l)
#define _Releases_shared_lock_(l)
#define _Create_lock_level_(l)
#define _Has_lock_level_(l)
#define _Has_lock_kind_(k)
#define _Lock_level_order_(a, b)
#define _Guarded_by_(l)
#define _Write_guarded_by_(l)
#define _Enum_is_bitflag_
#define _Strict_type_match_

// What drivers add to the plain annotations.
#define _IRQL_raises_(i)
#define _IRQL_requires_(i)
#define _IRQL_requires_max_(i)
#define _IRQL_requires_min_(i)
#define _IRQL_requires_same_
#define _IRQL_saves_
#define _IRQL_restores_
#define _IRQL_saves_global_(k, p)
#define _IRQL_restores_global_(k, p)
#define _IRQL_always_function_max_(i)
#define _IRQL_always_function_min_(i)
#define _IRQL_is_cancel_
#define _IRQL_uses_cancel_
#define _IRQL_limited_to_(i)
#define _Function_class_(c)
#define _Dispatch_type_(t)
#define _Kernel_entry_
#define _Kernel_clear_do_init_(x)
#define _Kernel_IoGetDmaAdapter_
#define _Kernel_requires_resource_held_(k)
#define _Kernel_requires_resource_not_held_(k)
#define _Kernel_acquires_resource_(k)
#define _Kernel_releases_resource_(k)
#define _Kernel_float_saved_
#define _Kernel_float_restored_
#define __drv_aliasesMem
#define __drv_allocatesMem(k)
#define __drv_freesMem(k)
#define __drv_reportError(t)
#define __drv_interlocked
#define __drv_maxIRQL(i)
#define __drv_minIRQL(i)
#define __drv_requiresIRQL(i)
#define __drv_sameIRQL
#define __drv_raisesIRQL(i)
#define __drv_savesIRQL
#define __drv_restoresIRQL
#define __drv_functionClass(c)
#define __drv_dispatchType(t)
#define __drv_dispatchType_other
#define __drv_when(e, a)
#define __drv_preferredFunction(n, w)
#define __drv_strictTypeMatch(m)
#define __drv_strictType(t, m)
#define __drv_inTry
#define __drv_notInTry
#define __drv_valueIs(v)
#define __drv_mustHold(k)
#define __drv_mustHoldCriticalRegion
#define __drv_neverHold(k)
#define __drv_acquiresExclusiveResource(k)
#define __drv_releasesExclusiveResource(k)
#define __drv_arg(a, b)
#define __drv_at(a, b)
#define __drv_in(a)
#define __drv_out(a)
#define __drv_isCancelIRQL
#define __drv_useCancelIRQL
#define __drv_freesMem(k)
#define __drv_declspec(x)
#define __drv_nonConst
#define __analysis_assume(e)
#define __analysis_noreturn
#define __callback
#define __control_entrypoint(c)
#define __post_invalid
#define __success(e)
#define __checkReturn
#define __fallthrough

// The rarer ones, by name.
#define _COM_Outptr_
#define _COM_Outptr_opt_
#define _COM_Outptr_opt_result_maybenull_
#define _COM_Outptr_result_maybenull_
#define _Called_from_function_class_(a)
#define _Deref_inout_range_(a, b)
#define _Deref_opt_out_opt_
#define _Deref_out_opt_
#define _Deref_ret_range_(a, b)
#define _Field_size_bytes_full_opt_(a)
#define _Field_size_bytes_part_opt_(a, b)
#define _Field_size_full_opt_(a)
#define _Field_size_part_opt_(a, b)
#define _In_bytecount_c_(a)
#define _In_bytecount_x_(a)
#define _In_count_c_(a)
#define _In_count_x_(a)
#define _In_opt_bytecount_(a)
#define _In_opt_bytecount_c_(a)
#define _In_opt_bytecount_x_(a)
#define _In_opt_count_(a)
#define _In_opt_count_c_(a)
#define _In_opt_count_x_(a)
#define _In_opt_ptrdiff_count_(a)
#define _In_opt_z_bytecount_(a)
#define _In_opt_z_bytecount_c_(a)
#define _In_opt_z_count_(a)
#define _In_opt_z_count_c_(a)
#define _In_ptrdiff_count_(a)
#define _In_reads_opt_z_(a)
#define _In_reads_or_z_opt_(a)
#define _In_reads_to_ptr_(a)
#define _In_reads_to_ptr_opt_(a)
#define _In_reads_to_ptr_opt_z_(a)
#define _In_reads_to_ptr_z_(a)
#define _In_z_bytecount_(a)
#define _In_z_bytecount_c_(a)
#define _In_z_count_(a)
#define _In_z_count_c_(a)
#define _Inout_bytecap_(a)
#define _Inout_bytecap_c_(a)
#define _Inout_bytecap_x_(a)
#define _Inout_bytecount_(a)
#define _Inout_bytecount_c_(a)
#define _Inout_bytecount_x_(a)
#define _Inout_cap_(a)
#define _Inout_cap_c_(a)
#define _Inout_cap_x_(a)
#define _Inout_count_(a)
#define _Inout_count_c_(a)
#define _Inout_count_x_(a)
#define _Inout_opt_bytecap_(a)
#define _Inout_opt_bytecap_c_(a)
#define _Inout_opt_bytecap_x_(a)
#define _Inout_opt_bytecount_c_(a)
#define _Inout_opt_bytecount_x_(a)
#define _Inout_opt_cap_(a)
#define _Inout_opt_cap_c_(a)
#define _Inout_opt_cap_x_(a)
#define _Inout_opt_count_(a)
#define _Inout_opt_count_c_(a)
#define _Inout_opt_count_x_(a)
#define _Inout_opt_ptrdiff_count_(a)
#define _Inout_opt_z_
#define _Inout_opt_z_bytecap_(a)
#define _Inout_opt_z_bytecap_c_(a)
#define _Inout_opt_z_bytecap_x_(a)
#define _Inout_opt_z_bytecount_(a)
#define _Inout_opt_z_bytecount_c_(a)
#define _Inout_opt_z_cap_(a)
#define _Inout_opt_z_cap_c_(a)
#define _Inout_opt_z_cap_x_(a)
#define _Inout_opt_z_count_(a)
#define _Inout_opt_z_count_c_(a)
#define _Inout_ptrdiff_count_(a)
#define _Inout_updates_all_opt_(a)
#define _Inout_updates_bytes_all_(a)
#define _Inout_updates_bytes_all_opt_(a)
#define _Inout_updates_bytes_to_opt_(a, b)
#define _Inout_updates_opt_z_(a)
#define _Inout_updates_to_opt_(a, b)
#define _Inout_z_bytecap_(a)
#define _Inout_z_bytecap_c_(a)
#define _Inout_z_bytecap_x_(a)
#define _Inout_z_bytecount_(a)
#define _Inout_z_bytecount_c_(a)
#define _Inout_z_cap_(a)
#define _Inout_z_cap_c_(a)
#define _Inout_z_cap_x_(a)
#define _Inout_z_count_(a)
#define _Inout_z_count_c_(a)
#define _Literal_
#define _Notliteral_
#define _Out_bytecap_(a)
#define _Out_bytecap_c_(a)
#define _Out_bytecap_post_bytecount_(a, b)
#define _Out_bytecap_x_(a)
#define _Out_bytecapcount_(a)
#define _Out_bytecapcount_x_(a)
#define _Out_cap_(a)
#define _Out_cap_c_(a)
#define _Out_cap_m_(a, b)
#define _Out_cap_post_count_(a, b)
#define _Out_cap_x_(a)
#define _Out_capcount_(a)
#define _Out_capcount_x_(a)
#define _Out_opt_bytecap_(a)
#define _Out_opt_bytecap_c_(a)
#define _Out_opt_bytecap_post_bytecount_(a, b)
#define _Out_opt_bytecap_x_(a)
#define _Out_opt_bytecapcount_(a)
#define _Out_opt_bytecapcount_x_(a)
#define _Out_opt_cap_(a)
#define _Out_opt_cap_c_(a)
#define _Out_opt_cap_m_(a, b)
#define _Out_opt_cap_post_count_(a, b)
#define _Out_opt_cap_x_(a)
#define _Out_opt_capcount_(a)
#define _Out_opt_capcount_x_(a)
#define _Out_opt_ptrdiff_cap_(a)
#define _Out_opt_z_bytecap_(a)
#define _Out_opt_z_bytecap_c_(a)
#define _Out_opt_z_bytecap_post_bytecount_(a, b)
#define _Out_opt_z_bytecap_x_(a)
#define _Out_opt_z_bytecapcount_(a)
#define _Out_opt_z_cap_(a)
#define _Out_opt_z_cap_c_(a)
#define _Out_opt_z_cap_m_(a, b)
#define _Out_opt_z_cap_post_count_(a, b)
#define _Out_opt_z_cap_x_(a)
#define _Out_opt_z_capcount_(a)
#define _Out_ptrdiff_cap_(a)
#define _Out_writes_bytes_all_opt_(a)
#define _Out_writes_to_ptr_(a)
#define _Out_writes_to_ptr_opt_(a)
#define _Out_writes_to_ptr_opt_z_(a)
#define _Out_writes_to_ptr_z_(a)
#define _Out_z_bytecap_(a)
#define _Out_z_bytecap_c_(a)
#define _Out_z_bytecap_post_bytecount_(a, b)
#define _Out_z_bytecap_x_(a)
#define _Out_z_bytecapcount_(a)
#define _Out_z_cap_(a)
#define _Out_z_cap_c_(a)
#define _Out_z_cap_m_(a, b)
#define _Out_z_cap_post_count_(a, b)
#define _Out_z_cap_x_(a)
#define _Out_z_capcount_(a)
#define _Outptr_opt_result_buffer_(a)
#define _Outptr_opt_result_buffer_all_(a)
#define _Outptr_opt_result_buffer_all_maybenull_(a)
#define _Outptr_opt_result_buffer_maybenull_(a)
#define _Outptr_opt_result_buffer_to_(a, b)
#define _Outptr_opt_result_buffer_to_maybenull_(a, b)
#define _Outptr_opt_result_bytebuffer_(a)
#define _Outptr_opt_result_bytebuffer_all_(a)
#define _Outptr_opt_result_bytebuffer_all_maybenull_(a)
#define _Outptr_opt_result_bytebuffer_maybenull_(a)
#define _Outptr_opt_result_bytebuffer_to_(a, b)
#define _Outptr_opt_result_bytebuffer_to_maybenull_(a, b)
#define _Outptr_opt_result_maybenull_z_
#define _Outptr_opt_result_nullonfailure_
#define _Outptr_opt_result_z_
#define _Outptr_result_buffer_all_(a)
#define _Outptr_result_buffer_all_maybenull_(a)
#define _Outptr_result_buffer_maybenull_(a)
#define _Outptr_result_buffer_to_(a, b)
#define _Outptr_result_buffer_to_maybenull_(a, b)
#define _Outptr_result_bytebuffer_all_(a)
#define _Outptr_result_bytebuffer_all_maybenull_(a)
#define _Outptr_result_bytebuffer_maybenull_(a)
#define _Outptr_result_bytebuffer_to_(a, b)
#define _Outptr_result_bytebuffer_to_maybenull_(a, b)
#define _Outptr_result_maybenull_z_
#define _Outptr_result_z_
#define _Outref_
#define _Outref_result_buffer_(a)
#define _Outref_result_buffer_all_(a)
#define _Outref_result_buffer_all_maybenull_(a)
#define _Outref_result_buffer_maybenull_(a)
#define _Outref_result_buffer_to_(a, b)
#define _Outref_result_buffer_to_maybenull_(a, b)
#define _Outref_result_bytebuffer_(a)
#define _Outref_result_bytebuffer_all_(a)
#define _Outref_result_bytebuffer_all_maybenull_(a)
#define _Outref_result_bytebuffer_maybenull_(a)
#define _Outref_result_bytebuffer_to_(a, b)
#define _Outref_result_bytebuffer_to_maybenull_(a, b)
#define _Outref_result_maybenull_
#define _Outref_result_nullonfailure_
#define _Post_equals_last_error_
#define _Post_readable_byte_size_(a)
#define _Post_readable_size_(a)
#define _Post_writable_size_(a)
#define _Pre_equal_to_(a)
#define _Pre_readable_size_(a)
#define _Pre_writable_size_(a)
#define _Printf_format_string_params_(a)
#define _Raises_SEH_exception_
#define _Readable_bytes_(a)
#define _Readable_elements_(a)
#define _Result_nullonfailure_
#define _Result_zeroonfailure_
#define _Ret_maybenull_z_
#define _Ret_writes_bytes_to_(a, b)
#define _Ret_writes_bytes_to_maybenull_(a, b)
#define _Ret_writes_maybenull_(a)
#define _Ret_writes_maybenull_z_(a)
#define _Ret_writes_to_(a, b)
#define _Ret_writes_to_maybenull_(a, b)
#define _Ret_writes_z_(a)
#define _Scanf_format_string_
#define _Scanf_format_string_params_(a)
#define _Scanf_s_format_string_
#define _Scanf_s_format_string_params_(a)
#define _Writable_bytes_(a)
#define _Writable_elements_(a)
#define __drv_deref(a)
#define __drv_formatString(a)
#define __drv_in_deref(a)
#define __drv_nonConstant
#define __drv_out_deref(a)
#define __drv_restoresIRQLGlobal(a, b)
#define __drv_savesIRQLGlobal(a, b)
#define __drv_setsIRQL(a)
#define _Frees_ptr_
#define _Frees_ptr_opt_
#define _Inexpressible_(e)
#define _IRQL_requires_any_

#ifndef __cplusplus
#define __in
#define __in_opt
#define __in_bcount(s)
#define __in_bcount_opt(s)
#define __in_ecount(s)
#define __in_ecount_opt(s)
#define __out
#define __out_opt
#define __out_bcount(s)
#define __out_bcount_opt(s)
#define __out_ecount(s)
#define __out_ecount_opt(s)
#define __out_bcount_part(s, l)
#define __out_ecount_part(s, l)
#define __inout
#define __inout_opt
#define __inout_bcount(s)
#define __inout_bcount_opt(s)
#define __inout_ecount(s)
#define __deref_out
#define __deref_out_opt
#define __deref_inout
#define __deref_inout_opt
#define __deref_opt_out
#define __reserved
#define __nullterminated
#define __field_bcount(s)
#define __field_ecount(s)
#endif

#endif  // WSKCERT_INCLUDE_SAL_H_
